"""Where each block of a long transcript begins, kept in a Fenwick tree.

Changing one height, finding a block's top line and finding the block at a line all take
O(log n), so that neither streaming nor scrolling slows down as a session grows.
"""

from __future__ import annotations


class Heights:
    """Heights of a growing list of blocks, in lines."""

    def __init__(self) -> None:
        self._height: list[int] = []
        self._tree: list[int] = [0]  # 1-based; node i sums the i & -i heights that end at i

    def __len__(self) -> int:
        return len(self._height)

    def __getitem__(self, index: int) -> int:
        return self._height[index]

    @property
    def total(self) -> int:
        """Lines of all blocks together."""
        return self.top(len(self._height))

    def append(self, height: int) -> None:
        """Add a block at the end."""
        self._height.append(height)
        node = len(self._height)
        below = node - (node & -node)
        self._tree.append(height + self.top(node - 1) - self.top(below))

    def set(self, index: int, height: int) -> int:
        """Change a block's height; returns by how many lines it grew."""
        grown = height - self._height[index]
        if grown:
            self._height[index] = height
            node = index + 1
            while node < len(self._tree):
                self._tree[node] += grown
                node += node & -node
        return grown

    def top(self, index: int) -> int:
        """Line at which block `index` begins; the total for the index after the last."""
        lines = 0
        while index > 0:
            lines += self._tree[index]
            index -= index & -index
        return lines

    def find(self, line: int) -> int:
        """Index of the block that covers `line`; the last block for lines past the end."""
        index, step = 0, 1 << len(self._height).bit_length()
        while step:
            after = index + step
            if after < len(self._tree) and self._tree[after] <= line:
                index, line = after, line - self._tree[after]
            step >>= 1
        return min(index, max(0, len(self._height) - 1))
