// charts.js - small pictures of numbers over time, each with the numbers themselves: how far followers lag; of a live
// cluster what commits and syncs take and how much is written, of a playground the messages that its lines sent.
import { h, keyed, put, say, svg } from '../dom.js';
import { commitSeries, lagSeries, messagesByLine, positionsOf, syncSeries, writeSeries } from './measure.js';
import { duration, number } from './numbers.js';

const WIDTH = 240;
const HEIGHT = 40;
const LIVE_VIEWS = 120;
const PLAYED_VIEWS = 40;
const LINES = 40;

// ------------------------------------------------------------------------------------------------- pictures

const x = (values, k) => (values.length > 1 ? (k * WIDTH) / (values.length - 1) : WIDTH / 2);

function line(values, max) {
  const y = (value) => HEIGHT - 2 - ((HEIGHT - 4) * value) / (max || 1);
  let path = '';
  values.forEach((value, k) => {
    if (value === null) return;
    const joined = k > 0 && values[k - 1] !== null;
    path += `${joined ? 'L' : 'M'}${x(values, k).toFixed(1)} ${y(value).toFixed(1)}${joined ? '' : 'h0.01'}`;
  });
  return svg('path', { class: 'charts-line', d: path });
}

function bars(values, max) {
  const width = WIDTH / Math.max(values.length, 10);
  return values.map((value, k) => {
    const height = ((HEIGHT - 4) * value) / (max || 1);
    return svg('rect', {
      class: 'charts-bar',
      x: (k * width).toFixed(1),
      y: (HEIGHT - 2 - height).toFixed(1),
      width: Math.max(1, width - 1).toFixed(1),
      height: height.toFixed(1),
    });
  });
}

function picture({ values, shape }, max) {
  const frame = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' };
  const ground = svg('path', { class: 'charts-ground', d: `M0 ${HEIGHT - 1}H${WIDTH}` });
  return svg('svg', frame, ground, shape === 'bars' ? bars(values, max) : line(values, max));
}

// -------------------------------------------------------------------------------------------------- numbers

function entries(page) {
  return (value) => page.t(Math.round(value) === 1 ? 'charts.entry' : 'charts.entries', number(page, value));
}

function lagCharts(page, views) {
  return Object.entries(lagSeries(views)).map(([name, values]) => ({
    id: `lag ${name}`,
    title: page.t('charts.lag', name),
    values,
    format: entries(page),
  }));
}

function liveCharts(page, views) {
  const time = (us) => duration(page, us);
  const rate = (value) => page.t('charts.rate', number(page, value));
  const syncs = page.view.nodes.map((node) => ({
    id: `sync ${node.name}`,
    title: page.t('charts.sync', node.name),
    values: syncSeries(views, node.name),
    format: time,
  }));
  return [
    { id: 'writes', title: page.t('charts.writes'), values: writeSeries(views), format: rate },
    { id: 'commit', title: page.t('charts.commit'), values: commitSeries(views), format: time },
    ...lagCharts(page, views),
    ...syncs.filter(({ values }) => values.some((value) => value !== null)),
  ];
}

function playedCharts(page, views) {
  const lines = messagesByLine(page.source, page.position, LINES);
  return [
    ...lagCharts(page, views),
    {
      id: 'messages',
      title: page.t('charts.messages'),
      values: lines.map(({ sent }) => sent),
      format: (value) => number(page, value),
      shape: 'bars',
    },
  ];
}

function chartsOf(page) {
  const live = page.source.kind === 'live';
  const positions = positionsOf(page.source, page.position, live ? LIVE_VIEWS : PLAYED_VIEWS);
  const views = positions.map((k) => (k === page.position ? page.view : page.source.view(k)));
  return live ? liveCharts(page, views) : playedCharts(page, views);
}

// ---------------------------------------------------------------------------------------------------- panel

function makeFigure() {
  return h('figure', { class: 'charts-figure' });
}

function fillFigure(page, figure, chart) {
  const known = chart.values.filter((value) => value !== null);
  const max = Math.max(0, ...known);
  const now = chart.values.at(-1) ?? null;
  const state = JSON.stringify([page.language, chart.title, chart.values]);
  if (figure.shown === state) return;
  figure.shown = state;
  const newest = h('b', null, now === null ? page.t('charts.nothing') : chart.format(now));
  const most = h('small', null, known.length > 0 ? page.t('charts.most', chart.format(max)) : '');
  put(figure, h('figcaption', null, chart.title, ' ', newest, ' ', most), picture(chart, max));
}

export function create(element, page) {
  const note = h('p', { class: 'panel-note' });
  const list = h('div', { class: 'charts-list' });
  element.append(note, list);

  function update() {
    say(note, page.t(page.source.kind === 'live' ? 'charts.about-live' : 'charts.about'));
    keyed(list, chartsOf(page), (chart) => chart.id, makeFigure, (figure, chart) => fillFigure(page, figure, chart));
  }

  return { update };
}
