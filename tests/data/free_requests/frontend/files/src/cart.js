// todo: keep the cart in localStorage
const FREE_SHIPPING_FROM = 150;

export function subtotal(lines) {
  return lines.reduce((sum, line) => sum + line.price * line.count, 0);
}

export function shipping(lines) {
  return subtotal(lines) >= FREE_SHIPPING_FROM ? 0 : 9.9;
}

export function formatPrice(value) {
  return `${value.toFixed(2)} €`;
}
