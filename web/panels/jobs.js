// jobs.js - work that takes long, one line each: who is how far behind, how fast that shrinks, and how long it will
// take; nothing where there is none.
import { h, keyed, say } from '../dom.js';
import { jobsOf } from './measure.js';
import { number, seconds } from './numbers.js';

const VIEWS_MAX = 60;

// The last views up to the position, no more than are needed to measure a rate.
function viewsOf(page) {
  const first = Math.max(page.source.first, page.position - VIEWS_MAX + 1);
  const views = [];
  for (let k = page.position; k >= first; k--) {
    const view = k === page.position ? page.view : page.source.view(k);
    views.unshift(view);
    if (page.view.time_us - view.time_us > 2e6) break;
  }
  return views;
}

export function lineOf(page, job) {
  const behind = number(page, job.behind);
  const rate = (value) => page.t('jobs.rate', number(page, value));
  if (job.gains > 0)
    return page.t(`jobs.${job.kind}`, job.node, behind, rate(job.gains), seconds(page, job.left_s));
  if (job.writes > 0) return page.t('jobs.falls-behind', job.node, behind, rate(job.writes), rate(job.link));
  return page.t('jobs.stands', job.node, behind);
}

export function create(element, page) {
  const quiet = h('p', { class: 'panel-quiet' });
  const list = h('ul', { class: 'jobs-list' });
  element.append(quiet, list);

  function update() {
    const jobs = isBusy(page.view) ? jobsOf(viewsOf(page)) : [];
    quiet.hidden = jobs.length > 0;
    say(quiet, page.t('jobs.none'));
    keyed(
      list,
      jobs,
      (job) => `${job.kind} ${job.node}`,
      () => h('li', null),
      (item, job) => {
        item.className = job.gains > 0 ? 'jobs-gains' : 'jobs-loses';
        say(item, lineOf(page, job));
      },
    );
  }

  return { update };
}

// Whether it is worth looking back at all.
function isBusy(view) {
  return jobsOf([view]).length > 0;
}
