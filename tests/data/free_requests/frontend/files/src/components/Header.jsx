export default function Header({ title }) {
  return (
    <header className="header">
      <h1>{title}</h1>
      <nav>
        <a href="/boards">Boards</a>
        <a href="/wetsuits">Wetsuits</a>
        <a href="/about">About</a>
      </nav>
    </header>
  );
}
