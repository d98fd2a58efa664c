import unittest

from parcel.utils import chunked, normalize_country


class Utils(unittest.TestCase):
    def test_country(self):
        self.assertEqual(normalize_country(" no "), "NO")

    def test_chunked(self):
        self.assertEqual(list(chunked([1, 2, 3], 2)), [[1, 2], [3]])


if __name__ == "__main__":
    unittest.main()
