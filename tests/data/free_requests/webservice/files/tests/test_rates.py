import unittest

from parcel.errors import QuoteError
from parcel.rates import quote


class Rates(unittest.TestCase):
    def test_small_box_to_sweden(self):
        self.assertEqual(quote(1000, "se"), 797)

    def test_too_heavy(self):
        with self.assertRaises(QuoteError):
            quote(30_001, "SE")

    def test_unknown_country(self):
        with self.assertRaises(QuoteError):
            quote(500, "XX")


if __name__ == "__main__":
    unittest.main()
