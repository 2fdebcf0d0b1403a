// Copyright: (c) 2026, the tidegate developers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
// Filter, sort and copy. Texts of hosts become text nodes and nothing else.
'use strict';
(() => {
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;
  const STEP = 500, PAGE = 200, ALLOWED = 2;
  const FIELDS = ['destination', 'name', 'service', 'tier', 'user', 'host', 'entry', 'decision'];
  const KINDS = {B: Uint8Array, H: Uint16Array, I: Uint32Array};
  const NUMERIC = [4, 6, 7, 8, 9];
  const meta = JSON.parse($('meta').textContent);
  const words = meta.words;
  let state = new URLSearchParams(location.hash.slice(1));
  let columns = null, texts = null, chosen = [], view = [], limit = STEP, page = 0, all = 0;

  root.classList.add('on');
  const number = (value) => value.toLocaleString('en');
  const stamp = (minute) => minute ? new Date(minute * 60000).toISOString().slice(0, 16).replace('T', ' ') : 'unknown';
  const first = (row) => columns.first[row] ? columns.first[row] - 1 + meta.zero : 0;
  const user = (text) => text || '(unknown)';
  const element = (tag, text, attributes) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    for (const name in attributes || {}) made.setAttribute(name, attributes[name]);
    return made;
  };

  // A word, without (-word), or exactly one field (tier=app).
  const conditions = () => (state.get('q') || '').toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    const without = word.length > 1 && word[0] === '-';
    const text = without ? word.slice(1) : word;
    const at = text.indexOf('=');
    const field = at > 0 && FIELDS.includes(text.slice(0, at)) ? text.slice(0, at) : '';
    return {without, field, text: field ? text.slice(at + 1) : text};
  });

  async function decode() {
    const coded = atob($('data').textContent);
    const bytes = new Uint8Array(coded.length);
    for (let at = 0; at < coded.length; at++) bytes[at] = coded.charCodeAt(at);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    const buffer = await new Response(stream).arrayBuffer();
    columns = {};
    for (const [name, kind, offset] of meta.columns) columns[name] = new KINDS[kind](buffer, offset, meta.records);
    texts = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, meta.texts)));
    texts.decision = words;
  }

  // Which records fulfil every condition. A dictionary is searched once, not each record.
  function select() {
    const tests = conditions().map(({without, field, text}) => {
      const fields = field ? [field] : FIELDS;
      const hits = fields.map((name) => texts[name].map((each) => {
        const low = (name === 'user' ? user(each) : each).toLowerCase();
        return field ? low === text : low.includes(text);
      }));
      return {without, columns: fields.map((name) => columns[name]), hits};
    });
    chosen = [];
    for (let row = 0; row < meta.records; row++) {
      let fits = true;
      for (const test of tests) {
        let hit = false;
        for (let at = 0; at < test.hits.length && !hit; at++) hit = test.hits[at][test.columns[at][row]];
        if (hit === test.without) { fits = false; break; }
      }
      if (fits) chosen.push(row);
    }
  }

  function group() {
    const made = new Map();
    const services = texts.service.length, destinations = texts.destination.length;
    for (const row of chosen) {
      const key = ((columns.tier[row] * destinations + columns.destination[row]) * services + columns.service[row]) * 3 + columns.decision[row];
      let own = made.get(key);
      if (!own) made.set(key, own = {row, hosts: new Set(), users: new Set(), flows: 0, packets: 0, first: 0, last: 0, name: '', entry: ''});
      own.hosts.add(columns.host[row]);
      own.users.add(columns.user[row]);
      own.flows += 1;
      own.packets += columns.packets[row];
      const start = first(row), end = start + columns.last[row];
      if (start && (!own.first || start < own.first)) own.first = start;
      if (end > own.last) own.last = end;
      own.name = own.name || texts.name[columns.name[row]];
      own.entry = own.entry || texts.entry[columns.entry[row]];
    }
    return [...made.values()].map((own) => {
      const names = [...own.users].map((each) => user(texts.user[each])).sort();
      return {
        decision: columns.decision[own.row], name: own.name, users: names,
        values: [texts.destination[columns.destination[own.row]], texts.service[columns.service[own.row]], texts.tier[columns.tier[own.row]],
          words[columns.decision[own.row]], own.hosts.size, names.join(', '), own.flows, own.packets, own.first, own.last, own.entry || '–'],
      };
    });
  }

  const order = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
  function sort() {
    const chosenColumn = state.get('s');
    if (!chosenColumn) {
      view.sort((a, b) => (a.decision === ALLOWED) - (b.decision === ALLOWED) || b.values[4] - a.values[4] || b.values[7] - a.values[7]
        || order(a.values[2], b.values[2]) || order(a.values[0], b.values[0]) || order(a.values[1], b.values[1]));
      return;
    }
    const at = parseInt(chosenColumn, 10) || 0, sign = chosenColumn.endsWith('d') ? -1 : 1;
    view.sort((a, b) => sign * order(a.values[at], b.values[at]) || b.values[4] - a.values[4] || order(a.values[0], b.values[0]));
  }

  const table = $('groups');
  const heads = [...table.tHead.rows[0].cells];
  const labels = heads.map((head) => head.textContent);
  function shownValue(own, at) {
    const value = own.values[at];
    if (at === 4) return value + ' of ' + (meta.hosts[own.values[2]] || value);
    if (at === 8 || at === 9) return stamp(value);
    return typeof value === 'number' ? number(value) : value;
  }
  function draw() {
    const rows = view.slice(0, limit).map((own) => {
      const row = element('tr', undefined, {role: 'row'});
      own.values.forEach((value, at) => {
        if (at) {
          const cell = element('td', shownValue(own, at), {role: 'cell', 'data-label': labels[at]});
          if (at === 4 || at === 6 || at === 7) cell.className = 'num';
          if (at === 1 || at === 8 || at === 9) cell.className = 'short';
          if (at === 3) cell.className = ['rejected', 'would_reject', 'allowed'][own.decision];
          row.append(cell);
          return;
        }
        const head = element('th', undefined, {role: 'rowheader', scope: 'row'});
        head.append(element('code', value));
        if (own.name) head.append(' ', element('span', own.name, {class: 'asked'}));
        row.append(head);
      });
      return row;
    });
    table.tBodies[0].replaceChildren(...rows);
    table.caption.textContent = number(rows.length) + ' of ' + number(view.length) + ' shown. A heading sorts.';
    $('more').hidden = view.length <= limit;
    const flows = chosen.reduce((sum, row) => sum + (columns.decision[row] !== ALLOWED), 0);
    $('count').textContent = number(view.length) + ' of ' + number(all) + ' rows; ' + number(flows) + ' flows not allowed';
    mark(heads, state.get('s'));
  }
  function mark(cells, sorted) {
    cells.forEach((head, at) => {
      if (sorted && parseInt(sorted, 10) === at) head.setAttribute('aria-sort', sorted.endsWith('d') ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    });
  }
  function button(head, act) {
    const made = element('button', head.textContent, {type: 'button'});
    head.replaceChildren(made);
    made.addEventListener('click', act);
  }

  // The other tables are in the page with all their rows: they are sorted and filtered as they stand.
  const others = [...document.querySelectorAll('table.data')].filter((each) => each !== table);
  const cellText = (cell) => cell.textContent.trim().toLowerCase();
  function sortRows(each, at, descending) {
    const value = (row) => {
      const cell = row.cells[at], given = cell.dataset.value;
      return given === undefined ? cellText(cell) : Number(given);
    };
    const sorted = [...each.tBodies[0].rows].sort((a, b) => order(value(a), value(b)) * (descending ? -1 : 1));
    each.tBodies[0].append(...sorted);
  }
  for (const each of others) {
    const own = [...each.tHead.rows[0].cells];
    own.forEach((head, at) => button(head, () => {
      const descending = head.getAttribute('aria-sort') === 'ascending';
      sortRows(each, at, descending);
      mark(own, at + (descending ? 'd' : 'a'));
    }));
  }
  function filterOthers() {
    const all = conditions();
    for (const each of others) {
      const own = [...each.tHead.rows[0].cells].map(cellText);
      for (const row of each.tBodies[0].rows) {
        row.hidden = each.id !== 'days' && each.id !== 'changes' && !all.every(({without, field, text}) => {
          if (!field) return row.textContent.toLowerCase().includes(text) !== without;
          const at = own.findIndex((name) => name.startsWith(field));
          if (at < 0) return true;
          const parts = cellText(row.cells[at]).split(/, | /);
          return (parts.includes(text) || cellText(row.cells[at]) === text) !== without;
        });
      }
    }
  }

  const quoted = (value) => {
    const text = String(value);
    return '"' + (/^[=+\-@\t\r]/.test(text) ? "'" : '') + text.replace(/"/g, '""') + '"';
  };
  const csv = (rows) => rows.map((row) => row.map(quoted).join(',')).join('\n') + '\n';
  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      $('count').textContent = 'Copied ' + number(text.split('\n').length - 1) + ' lines.';
    } catch (error) {
      $('text').value = text;
      $('copied').showModal();
      $('text').select();
    }
  }
  const groupsAsCsv = () => csv([labels, ...view.map((own) => own.values.map((value, at) => (at === 8 || at === 9 ? stamp(value) : value)))]);
  // Drafts: what was rejected, as entries without a reason, for a person to judge.
  function groupsAsYaml() {
    const tiers = new Map();
    for (const own of view) {
      if (own.decision === ALLOWED) continue;
      const [destination, service, tier] = own.values;
      // A word as "known:github (api.github.com)" says for people which part of it was asked for.
      const to = (own.name || destination).replace(/ \(.*\)$/, '');
      if (!tiers.has(tier)) tiers.set(tier, new Map());
      const entries = tiers.get(tier);
      if (!entries.has(to)) entries.set(to, {services: new Set(), users: new Set(), open: false});
      const entry = entries.get(to);
      entry.services.add(service);
      for (const name of own.users) {
        if (name === '(unknown)') entry.open = true;
        else entry.users.add(name.replace(/^.* \((.*)\)$/, '$1'));
      }
    }
    const list = (values) => '[' + [...values].map((each) => JSON.stringify(each)).join(', ') + ']';
    const lines = ['# Drafts of the egress report of ' + meta.made + ' UTC. Judge each one, and write its reason.'];
    for (const [tier, entries] of [...tiers].sort()) {
      const names = new Set();
      lines.push('egress_allow_' + tier.replace(/[^a-z0-9_]/gi, '_') + ':');
      for (const [to, entry] of entries) {
        const base = ('draft-' + to.toLowerCase().replace(/[^a-z0-9]+/g, '-')).slice(0, 60).replace(/-+$/, '');
        let name = base;
        for (let count = 2; names.has(name); count++) name = base + '-' + count;
        names.add(name);
        lines.push('  - name: ' + name, '    to: ' + list([to]), '    services: ' + list(entry.services));
        if (!entry.open) lines.push('    users: ' + list(entry.users));
        lines.push('    reason: ""');
      }
    }
    return lines.join('\n') + '\n';
  }

  function show() {
    const made = element('table', undefined, {class: 'data', role: 'table', id: 'record-table'});
    const names = ['Destination', 'Service', 'Host', 'Tier', 'User', 'Decision', 'Packets', 'First', 'Last', 'Entry'];
    const top = made.createTHead();
    top.setAttribute('role', 'rowgroup');
    const line = top.insertRow();
    line.setAttribute('role', 'row');
    names.forEach((name) => line.append(element('th', name, {scope: 'col', role: 'columnheader'})));
    const body = made.createTBody();
    body.setAttribute('role', 'rowgroup');
    for (const row of chosen.slice(page * PAGE, page * PAGE + PAGE)) {
      const start = first(row);
      const values = [texts.destination[columns.destination[row]], texts.service[columns.service[row]], texts.host[columns.host[row]],
        texts.tier[columns.tier[row]], user(texts.user[columns.user[row]]), words[columns.decision[row]], number(columns.packets[row]),
        stamp(start), stamp(start ? start + columns.last[row] : 0), texts.entry[columns.entry[row]] || '–'];
      const own = body.insertRow();
      own.setAttribute('role', 'row');
      values.forEach((value, at) => own.append(element(at ? 'td' : 'th', value, at ? {role: 'cell', 'data-label': names[at]} : {role: 'rowheader', scope: 'row'})));
    }
    $('list').replaceChildren(made);
    const end = Math.min(chosen.length, (page + 1) * PAGE);
    $('place').textContent = chosen.length ? number(page * PAGE + 1) + ' to ' + number(end) + ' of ' + number(chosen.length) : 'none fits the filter';
    $('open').hidden = true;
    $('back').hidden = !page;
    $('next').hidden = end >= chosen.length;
  }

  function refresh() {
    select();
    view = group();
    if (!state.get('q')) all = view.length;
    sort();
    draw();
    filterOthers();
    if ($('list').firstChild) { page = 0; show(); }
  }
  const save = () => history.replaceState(null, '', '#' + state);

  heads.forEach((head, at) => button(head, () => {
    const now = state.get('s'), down = NUMERIC.includes(at) ? 'd' : 'a';
    state.set('s', at + (now === at + down ? (down === 'd' ? 'a' : 'd') : down));
    save();
    sort();
    draw();
  }));
  let timer;
  $('filter').addEventListener('input', (event) => {
    if (event.target.value) state.set('q', event.target.value);
    else state.delete('q');
    save();
    clearTimeout(timer);
    timer = setTimeout(refresh, 80);
  });
  addEventListener('hashchange', () => {
    const given = new URLSearchParams(location.hash.slice(1));
    // An anchor of a section is no filter.
    if (![...given.keys()].some((key) => key === 'q' || key === 's')) return;
    state = given;
    $('filter').value = state.get('q') || '';
    limit = STEP;
    refresh();
    $('destinations').scrollIntoView();
    $('filter').focus({preventScroll: true});
  });
  $('more').addEventListener('click', () => { limit += STEP; draw(); });
  $('csv').addEventListener('click', () => copy(groupsAsCsv()));
  $('yaml').addEventListener('click', () => copy(groupsAsYaml()));
  $('close').addEventListener('click', () => $('copied').close());
  for (const each of document.querySelectorAll('.copy')) {
    each.addEventListener('click', () => {
      const rows = [...$(each.dataset.table).rows].filter((row) => !row.hidden);
      copy(csv(rows.map((row) => [...row.cells].map((cell) => cell.textContent.trim()))));
    });
  }
  $('open').addEventListener('click', () => { page = 0; show(); });
  $('next').addEventListener('click', () => { page += 1; show(); });
  $('back').addEventListener('click', () => { page -= 1; show(); });

  decode().then(() => {
    if (![...state.keys()].some((key) => key === 'q' || key === 's')) state = new URLSearchParams();
    const given = state.get('q');
    if (given) { state.delete('q'); select(); all = group().length; state.set('q', given); }
    $('filter').value = given || '';
    refresh();
    if (given) $('destinations').scrollIntoView();
    root.dataset.ready = 'yes';
  }).catch((error) => {
    $('count').textContent = 'The records could not be read (' + error.name + '); the tables show what is in the page itself.';
    root.dataset.ready = 'no';
  });
})();
