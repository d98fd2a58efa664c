import { API_TIMEOUT_MS, config } from './config.js';

export async function getJson(path) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), API_TIMEOUT_MS);
  try {
    const answer = await fetch(config.apiBase + path, { signal: stop.signal });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    return await answer.json();
  } finally {
    clearTimeout(timer);
  }
}

export function listBoards(page = 1) {
  return getJson(`/boards?page=${page}`);
}
