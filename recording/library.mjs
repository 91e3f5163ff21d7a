// The tools of library.py for clients in Node, with the same answers and the same log.

import { appendFileSync } from 'node:fs';

export const { session, user, system, turns } = JSON.parse(process.env.RECORDING_ABOUT);

let locked = true;

function noted(name, run) {
  return args => {
    const line = { tool: name, args, result: null, error: null, finished: true };
    try {
      line.result = run(args);
      return line.result;
    } catch (error) {
      line.error = `${error.name}: ${error.message}`;
      throw error;
    } finally {
      appendFileSync(process.env.RECORDING_TOOLS, `${JSON.stringify(line)}\n`);
    }
  };
}

function tool(name, description, parameters, run) {
  const properties = Object.fromEntries(Object.entries(parameters).map(([key, type]) => [key, { type }]));
  const schema = { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
  return { name, description, schema, run: noted(name, run) };
}

export const tools = [
  tool('find_reader', 'Look a reader up.', { card: 'string' }, ({ card }) => ({ card, name: 'Zoë Ångström', fines_cents: 0 })),
  tool('list_loans', 'List what a reader has on loan.', { card: 'string', limit: 'integer' }, ({ limit }) =>
    [{ loan: 'L-88', title: 'Stoner', due: '2026-12-01', marks: 'torn “p. 12”\nink' }].slice(0, limit)),
  tool('renew_loan', 'Renew a loan.', { loan: 'string', days: 'integer' }, ({ loan, days }) => {
    if (locked) {
      locked = false;
      throw new Error('the catalogue is locked, try again');
    }
    return { loan, due: '2026-12-15', days };
  }),
  tool('reserve', 'Reserve a book.', { title: 'string', branch: 'string' }, ({ title, branch }) =>
    ({ reservation: 'R-3', title, branch, place_in_line: 1 })),
  tool('opening_hours', 'Tell when a branch is open.', { branch: 'string', day: 'string' }, ({ branch, day }) =>
    ({ branch, day, open: '10:00–14:30' })),
];
