// A rehearsed change met a newer version: both versions, and the two ways out.
import { html } from '../core/html.js';
import { refreshAfterChange } from '../core/poll.js';
import { Conflict } from './conflict.js';

export function ChangeConflict({ error, body, base, send, close }) {
  const { current } = error;
  const reload = () => {
    refreshAfterChange();
    close(null);
  };
  return html`<${Conflict}
    error=${error}
    mine=${body ?? {}}
    base=${base}
    theirs=${current?.data}
    onReload=${reload}
    onOverwrite=${current?.etag && (() => send({ ifMatch: current.etag }))}
  />`;
}
