// All operators and memberships of an instance with Adobe's own SDK.
//
//   node acc_js_sdk_read.mjs URL LOGIN PASSWORD SimpleJson|xml ROWS_A_PAGE

import sdk from "@adobe/acc-js-sdk";

const [url, login, password, representation, rows] = process.argv.slice(2);
const pageRows = Number(rows);
const options = { timeout: 600000, noStorage: true, representation };
const client = await sdk.init(sdk.ConnectionParameters.ofUserAndPassword(url, login, password, options));
await client.NLWS.xtkSession.logon();

/** Reads all rows of a table, in pages; answers their number. */
async function read(schema, expressions, orderBy) {
  const kept = [];
  for (;;) {
    const definition = {
      schema,
      operation: "select",
      startLine: kept.length,
      lineCount: pageRows,
      select: { node: expressions.map((expr) => ({ expr })) },
      orderBy: { node: orderBy.map((expr) => ({ expr })) },
    };
    let query = definition;
    if (representation === "xml") query = sdk.DomUtil.fromJSON("queryDef", definition, "SimpleJson");
    const answer = await client.NLWS.xtkQueryDef.create(query).executeQuery();
    const page = representation === "xml" ? rowsOf(answer) : Object.values(answer).find(Array.isArray) ?? [];
    kept.push(...page);
    if (page.length < pageRows) return kept.length;
  }
}

/** The child elements, each with its attributes read. */
function rowsOf(element) {
  const found = [];
  const root = element.documentElement ?? element;
  for (let child = root.firstElementChild ?? root.firstChild; child; child = child.nextElementSibling ?? child.nextSibling) {
    if (child.nodeType === 1) found.push(child);
  }
  return found;
}

const operators = await read("xtk:operator", ["@id", "@name", "@email", "@label"], ["@id"]);
const memberships = await read("xtk:operatorGroup", ["[@operator-id]", "[@group-id]"], [
  "[@operator-id]",
  "[@group-id]",
]);
console.log(operators, memberships);
