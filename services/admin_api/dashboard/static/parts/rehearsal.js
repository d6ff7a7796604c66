// Each change is rehearsed in a panel: its effect, its count, its reason; then it is sent.
import { html, useEffect, useRef, useState } from '../core/html.js';
import { api, newKey } from '../core/api.js';
import { number, plural } from '../core/format.js';
import { refreshAfterChange } from '../core/poll.js';
import { ROOT, hrefOf, navigate } from '../core/router.js';
import { Button } from './button.js';
import { CommandLines } from './command_lines.js';
import { Dialog, openDialog } from './dialog.js';
import { Problem, explained } from './problem.js';
import { ChangeConflict } from './change_conflict.js';
import { ChangeFields } from './change_fields.js';
import { Results, Verdict } from './results.js';
import { toast } from './toast.js';

const TYPED_ABOVE = 20;
const FIELDS_MS = 300; // after the last key, the dry run is repeated

/** Rehearse and send a change. README.md describes it. Returns a promise of the answer, or null. */
export const rehearse = (change) =>
  openDialog((close) => html`<${Rehearsal} change=${change} close=${close} />`);

/** Return the body of the change with the values of its fields. */
function bodyOf(change, values) {
  if (change.body === undefined && Object.keys(values).length === 0) return undefined;
  const nullable = new Set((change.fields ?? []).filter((field) => field.nullable).map((field) => field.name));
  const given = Object.entries(values).filter(([name, value]) => isFilledIn(value) || nullable.has(name));
  return { ...change.body, ...Object.fromEntries(given.map(([name, value]) => [name, isFilledIn(value) ? value : null])) };
}

const isFilled = (fields, values) =>
  fields.every(({ name, required }) => !required || String(values[name] ?? '').trim() !== '');

/** Run the dry run at the begin and after each change of a field. */
function useDryRun(change, body, isReady) {
  const [state, setState] = useState({ data: null, error: null, isBusy: change.dryRun });
  const [turn, setTurn] = useState(0);
  const { reason: _, ...relevant } = body ?? {}; // the reason changes no result
  const text = JSON.stringify(relevant);
  useEffect(() => {
    if (!change.dryRun || !isReady) return undefined;
    const controller = new AbortController();
    setState((old) => ({ ...old, isBusy: true }));
    const timer = setTimeout(
      async () => {
        try {
          const asked = change.dryRun === 'query' ? { body, query: { ...change.query, dry_run: true } } : { body: { ...body, dry_run: true } };
          const { data } = await api.send(change.method, change.path, { ...asked, key: false, signal: controller.signal });
          setState({ data, error: null, isBusy: false });
        } catch (error) {
          if (!error.isAborted) setState({ data: null, error, isBusy: false });
        }
      },
      turn === 0 && state.data === null ? 0 : FIELDS_MS,
    );
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [text, isReady, turn]);
  return { ...state, again: () => setTurn((count) => count + 1) };
}

function Rehearsal({ change, close }) {
  const { title, verb = 'Send', danger = false, scope, fields = [], reason, items = (data) => data.items ?? [] } = change;
  const all = [...fields, ...(reason ? [{ name: 'reason', label: 'Reason', required: reason === 'required', max: 500, option: '--reason' }] : [])];
  const [values, setValues] = useState(() => Object.fromEntries(all.map((field) => [field.name, field.value ?? ''])));
  const [typed, setTyped] = useState('');
  const [sent, setSent] = useState({ isBusy: false, error: null, answer: null });
  const key = useRef(newKey());
  const body = bodyOf(change, values);
  const dry = useDryRun(change, body, isFilled(all.filter((field) => field.name !== 'reason'), values));
  const countOf = change.count ?? ((data) => data.succeeded ?? items(data).length);
  const count = dry.data ? countOf(dry.data) : null;
  const toType = change.typed ?? (danger && count > TYPED_ABOVE ? String(count) : null);
  const obstacle = obstacleOf({ change, dry, count, all, values, toType, typed });
  const request = { method: change.method, path: change.path, query: change.query, ifMatch: change.ifMatch, resource: change.resource, body };
  if (change.expectCount && dry.data) request.body = { ...body, expected_count: items(dry.data).length };

  const send = async (more = {}) => {
    setSent({ isBusy: true, error: null, answer: null });
    try {
      const answer = await api.send(request.method, request.path, { ...request, key: key.current, ...more });
      // A page of a deleted thing would ask for it again.
      if (change.leaveTo) navigate(change.leaveTo);
      else refreshAfterChange();
      const failed = answer.data?.failed ?? 0;
      if (failed > 0) {
        setSent({ isBusy: false, error: null, answer });
        return;
      }
      toast(doneText(change, answer), { action: auditOf(answer) });
      close(answer);
    } catch (error) {
      // A definite refusal had no effect, so the next try is a new request.
      if (error.status >= 400 && error.status < 500) key.current = newKey();
      setSent({ isBusy: false, error, answer: null });
      if (error.code === 'count_mismatch') dry.again();
    }
  };
  const isDone = sent.answer !== null;
  const actions = isDone
    ? html`<${Button} kind="primary" onClick=${() => close(sent.answer)}>Close<//>`
    : html`<${Button} onClick=${() => close(null)}>Cancel<//>
        <${Button} kind=${danger ? 'danger' : 'primary'} scope=${scope} reason=${obstacle} busy=${sent.isBusy} onClick=${() => send()}>
          ${sent.isBusy ? 'Sending' : count === null ? verb : `${verb} ${number(count)}`}
        <//>`;
  return html`<${Dialog} title=${title} side onClose=${() => close(sent.answer)} actions=${actions}>
    ${isDone
      ? html`<${Results} answer=${sent.answer.data} items=${items(sent.answer.data)} />
          <p><a href=${auditOf(sent.answer).href}>Audit rows of this change</a></p>`
      : html`
          ${change.effect && html`<div>${change.effect}</div>`}
          <${ChangeFields} fields=${all} values=${values} set=${(name, value) => setValues({ ...values, [name]: value })} errors=${errorsOf(sent.error ?? dry.error)} />
          ${change.dryRun && html`<${Verdict} dry=${dry} count=${count} items=${dry.data ? items(dry.data) : []} change=${change} />`}
          ${toType !== null && html`<label class="field">
            <span class="field-label">Type ${toType} to confirm</span>
            <input type="text" inputmode=${change.typed ? null : 'numeric'} autocomplete="off" value=${typed} onInput=${(event) => setTyped(event.target.value)} />
          </label>`}
          ${sent.error && (sent.error.status === 412
            ? html`<${ChangeConflict} error=${sent.error} body=${body} base=${change.base} send=${send} close=${close} />`
            : html`<${Problem} error=${sent.error} />`)}
          <${CommandLines} request=${request} crawlctl=${crawlctlOf(change, body, all, values)} />
        `}
  <//>`;
}

function crawlctlOf(change, body, fields, values) {
  const { crawlctl } = change;
  const line = typeof crawlctl === 'function' ? crawlctl(body ?? {}) : crawlctl;
  return line && [...line, ...optionsOf(fields, values)];
}

const isFilledIn = (value) => value !== '' && value !== null && value !== undefined;

/** Return the options of crawlctl for the fields that have one and are filled. An empty nullable field is "default". */
const optionsOf = (fields, values) =>
  fields.flatMap(({ name, option, nullable }) =>
    option && (isFilledIn(values[name]) || nullable) ? [option, isFilledIn(values[name]) ? String(values[name]) : 'default'] : []);

function obstacleOf({ change, dry, count, all, values, toType, typed }) {
  const missing = all.find(({ name, required }) => required && String(values[name] ?? '').trim() === '');
  if (missing) return `Fill in: ${missing.label}.`;
  if (!change.dryRun) return null;
  if (dry.isBusy) return 'The dry run is not finished.';
  if (dry.error) return explained(dry.error, 'change')[0];
  if (count === 0) return 'Nothing would change.';
  return toType !== null && typed.trim() !== toType ? `Type ${toType} to confirm.` : null;
}

function errorsOf(error) {
  return Object.fromEntries((error?.errors ?? []).map(({ pointer, detail }) => [pointer.split('/')[1], detail]));
}

function doneText(change, { data }) {
  if (change.done) return change.done(data);
  const count = data?.succeeded;
  return count === undefined ? `Done: ${change.title}` : `Done: ${change.verb}, ${plural(count, 'item')}`;
}

const auditOf = ({ requestId }) => ({ label: 'Audit row', href: hrefOf(`${ROOT}/audit`, { request_id: requestId }) });
