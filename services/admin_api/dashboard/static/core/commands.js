// Commands of the palette (Ctrl+K) that pages and parts offer while they are shown.
import { useEffect, useRef } from './html.js';
import { createStore } from './store.js';

const offers = createStore([]);

/** Offer commands while the component is shown: [{ label, hint, run or href }]. */
export function useCommands(commands) {
  const current = useRef(commands);
  current.current = commands;
  useEffect(() => {
    offers.set((all) => [...all, current]);
    return () => offers.set((all) => all.filter((each) => each !== current));
  }, []);
}

export const allCommands = () => offers.get().flatMap((each) => each.current.filter(Boolean));
