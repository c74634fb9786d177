// Opens the pages in every way that matters, has axe-core judge them, takes screenshots, and has the page refresh itself while a
// reader types: see `run`.

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
const PATHS = { page: "/", answer: "/?person=ann%40acme.com", run: await linkedRun() };

// The newest run that the page links.
async function linkedRun() {
  const page = await (await fetch(`${url}/`)).text();
  const link = page.match(/href="(\/runs\/[^"]+)"/);
  if (!link) throw new Error("the page links no run");
  return link[1];
}

let bad = 0;
function complain(where, what) {
  bad += 1;
  console.error(`${where}: ${what}`);
}

async function open(options) {
  const profile = mkdtempSync(join(tmpdir(), "page-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM, args: FLAGS, ...options,
  });
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { page: await context.newPage(), close };
}

async function look(colorScheme, javaScriptEnabled, size, name) {
  const where = `${name}-${colorScheme}-${size}-${javaScriptEnabled ? "js" : "nojs"}`;
  const { page, close } = await open({ colorScheme, javaScriptEnabled, viewport: SIZES[size] });
  try {
    page.on("console", (message) => complain(where, `console: ${message.text()}`));
    page.on("pageerror", (error) => complain(where, `error: ${error.message}`));
    page.on("request", (request) => {
      if (!request.url().startsWith(url)) complain(where, `asks for ${request.url()}`);
    });
    const response = await page.goto(url + PATHS[name], { waitUntil: "load" });
    if (response.status() !== 200) complain(where, `status ${response.status()}`);
    for (const summary of await page.locator("summary").all()) await summary.click();
    if (javaScriptEnabled) await judge(page, where);
    else if ((await page.locator("main h2:visible").count()) < (name === "run" ? 1 : 7)) complain(where, "not all sections are there");
    await page.screenshot({ path: join(folder, `${where}.png`), fullPage: true });
    console.log(`${where}: looked at`);
  } finally {
    await close();
  }
}

// axe-core is a script itself; it comes through the debugger, where the page's policy does not stand in the way.
async function judge(page, where) {
  await page.evaluate(axe);
  const result = await page.evaluate(() => axe.run(document, { resultTypes: ["violations", "incomplete"] }));
  if (result.passes.length < 10) complain(where, `axe judged ${result.passes.length} rules only`);
  for (const violation of result.violations) {
    const nodes = violation.nodes.map((node) => `${node.target}: ${node.failureSummary}`);
    complain(where, `${violation.id} (${violation.impact}): ${violation.help}\n  ${nodes.join("\n  ")}`);
  }
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
  const isDark = ground.every((part) => part < 64);
  if (isDark !== where.includes("-dark-")) complain(where, `has the background ${ground}`);
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (beyond > 0) complain(where, `is ${beyond} px wider than the window`);
}

// The page refreshes itself: what the daemon says is replaced, what the reader typed, opened and focused is not, and no question is
// asked again. A daemon that does not answer is said so.
async function refresh() {
  const where = "refresh";
  const { page, close } = await open({ viewport: SIZES.wide });
  try {
    await page.clock.install();
    await page.goto(url + PATHS.answer, { waitUntil: "load" });
    await page.fill("#who", "typed by the reader");
    await page.locator("#instances summary").first().click();
    await page.focus("#where");
    await page.keyboard.type("off");
    await page.evaluate(() => { document.querySelector("#held").textContent = "an older state"; });
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.clock.runFor(10_000);
    await page.waitForFunction(() => document.querySelector("#held h2") !== null, null, { polling: 50 });
    if (asked.join() !== `${url}/`) complain(where, `asks for ${asked}`);
    if ((await page.inputValue("#who")) !== "typed by the reader") complain(where, "the typed text is lost");
    await page.keyboard.type("ers");
    if ((await page.inputValue("#where")) !== "offers") complain(where, "the field has lost the focus");
    if (!(await page.evaluate(() => document.querySelector("#instances details").open))) complain(where, "closes what was open");
    await page.route("**/*", (route) => route.abort());
    await page.clock.runFor(10_000);
    await page.waitForSelector("#stale:visible");
    console.log(`${where}: looked at`);
  } finally {
    await close();
  }
}

for (const colorScheme of ["light", "dark"]) {
  for (const javaScriptEnabled of [true, false]) {
    for (const size of Object.keys(SIZES)) {
      for (const name of Object.keys(PATHS)) await look(colorScheme, javaScriptEnabled, size, name);
    }
  }
}
await refresh();
process.exitCode = bad === 0 ? 0 : 1;
