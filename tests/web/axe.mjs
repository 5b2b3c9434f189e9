// What axe-core finds in a tab.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// A line each. axe-core is run in a world of its own, which the page's policy does not concern.
export async function violations(tab) {
  const session = await tab.createCDPSession();
  const { frameTree } = await session.send('Page.getFrameTree');
  const { executionContextId } = await session.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id });
  const run = async (expression) => {
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
      expression, contextId: executionContextId, awaitPromise: true, returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  await run(`${axe}; 0`);
  const found = await run(
    'axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations.map(' +
      '({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((n) => n.target + " " + n.html.slice(0, 120)).join(" | ")}`))',
  );
  await session.detach();
  return found;
}
