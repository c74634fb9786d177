// Opens the page in every way that matters, has axe-core judge it, and takes screenshots: see `run`.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [url, folder] = process.argv.slice(2);
const require = createRequire(join(process.env.PAGE_MODULES, "node_modules", "x.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core"), "utf8");

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
const SIZES = { wide: { width: 1200, height: 900 }, narrow: { width: 360, height: 740 } };
const PATHS = { page: "/", answer: "/?person=ann%40acme.com" };

let bad = 0;
function complain(where, what) {
  bad += 1;
  console.error(`${where}: ${what}`);
}

async function look(colorScheme, javaScriptEnabled, size, name) {
  const where = `${name}-${colorScheme}-${size}-${javaScriptEnabled ? "js" : "nojs"}`;
  const profile = mkdtempSync(join(tmpdir(), "page-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM, args: FLAGS, colorScheme, javaScriptEnabled, viewport: SIZES[size],
  });
  try {
    const page = await context.newPage();
    page.on("console", (message) => complain(where, `console: ${message.text()}`));
    page.on("pageerror", (error) => complain(where, `error: ${error.message}`));
    page.on("request", (request) => {
      if (!request.url().startsWith(url)) complain(where, `asks for ${request.url()}`);
    });
    const response = await page.goto(url + PATHS[name], { waitUntil: "load" });
    if (response.status() !== 200) complain(where, `status ${response.status()}`);
    for (const summary of await page.locator("summary").all()) await summary.click();
    // Through the debugger: neither the page's policy nor the missing JavaScript stands in the way.
    await page.evaluate(axe);
    const result = await page.evaluate(() => axe.run(document, { resultTypes: ["violations", "incomplete"] }));
    if (result.passes.length < 10) complain(where, `axe judged ${result.passes.length} rules only`);
    for (const violation of result.violations) {
      const nodes = violation.nodes.map((node) => `${node.target}: ${node.failureSummary}`);
      complain(where, `${violation.id} (${violation.impact}): ${violation.help}\n  ${nodes.join("\n  ")}`);
    }
    const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (beyond > 0) complain(where, `is ${beyond} px wider than the window`);
    await page.screenshot({ path: join(folder, `${where}.png`), fullPage: true });
    console.log(`${where}: ${result.passes.length} rules passed`);
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

for (const colorScheme of ["light", "dark"]) {
  for (const javaScriptEnabled of [true, false]) {
    for (const size of Object.keys(SIZES)) {
      for (const name of Object.keys(PATHS)) await look(colorScheme, javaScriptEnabled, size, name);
    }
  }
}
process.exitCode = bad === 0 ? 0 : 1;
