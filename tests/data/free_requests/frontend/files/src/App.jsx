import Header from './components/Header.jsx';
import Cart from './components/Cart.jsx';
import { config } from './config.js';

export default function App() {
  return (
    <>
      <Header title={config.shopName} />
      {config.features.cart && <Cart />}
    </>
  );
}
