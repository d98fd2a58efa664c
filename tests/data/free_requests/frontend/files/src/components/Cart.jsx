import { formatPrice, shipping, subtotal } from '../cart.js';

// todo: empty state
export default function Cart({ lines = [] }) {
  return (
    <aside>
      <p>Subtotal {formatPrice(subtotal(lines))}</p>
      <p>Shipping {formatPrice(shipping(lines))}</p>
    </aside>
  );
}
