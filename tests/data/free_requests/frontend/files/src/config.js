export const API_TIMEOUT_MS = 4500;
export const PAGE_SIZE = 24;

export const config = {
  shopName: 'Tide Surf',
  apiBase: 'https://api.tide.example/v3',
  currency: 'EUR',
  features: {
    cart: true,
    wishlist: false,
    darkMode: false,
  },
};
