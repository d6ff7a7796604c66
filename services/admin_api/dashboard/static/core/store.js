// A value that several components share, with listeners for its changes.
import { useEffect, useState } from './html.js';

/** Return a store with get(), set(value or function) and subscribe(listener). */
export function createStore(initial) {
  let value = initial;
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      const chosen = typeof next === 'function' ? next(value) : next;
      if (Object.is(chosen, value)) return;
      value = chosen;
      for (const listener of [...listeners]) listener(value);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

const whole = (value) => value;

/** Return the picked value of the store, and render again when it changes. */
export function useStore(store, pick = whole) {
  const [, render] = useState(0);
  const picked = pick(store.get());
  useEffect(() => {
    let shown = picked;
    const look = () => {
      const now = pick(store.get());
      if (Object.is(now, shown)) return;
      shown = now;
      render((count) => count + 1);
    };
    look(); // the store may have changed between the render and this effect
    return store.subscribe(look);
  }, [store]);
  return picked;
}
