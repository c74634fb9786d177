// Adobe's own JavaScript SDK for Campaign, unmodified, against a running sandbox.
//
//   npm install && node acc_js_sdk.mjs URL LOGIN PASSWORD [BUILD]
//
// URL is that of an instance with native logon and compiled schemas, as http://127.0.0.1:8080/campaign/NAME, and BUILD
// the build that it plays. CAMPAIGN_URL, CAMPAIGN_LOGIN, CAMPAIGN_PASSWORD and CAMPAIGN_BUILD stand in for arguments that
// are missing. The instance needs three operators or more; the suite creates a group of its own and removes it at the end.

import assert from "node:assert/strict";
import sdk from "@adobe/acc-js-sdk";

const [url, login, password, build] = ["CAMPAIGN_URL", "CAMPAIGN_LOGIN", "CAMPAIGN_PASSWORD", "CAMPAIGN_BUILD"].map(
  (name, position) => process.argv[2 + position] ?? process.env[name],
);
if (!url || !login || !password) {
  console.error("usage: node acc_js_sdk.mjs URL LOGIN PASSWORD [BUILD]");
  process.exit(64);
}

const PAGE = 2;
const GROUP = "contract suite & 'co'";

// What is not expected of a build, by check, and why. Such a check must fail: an entry that is out of date is an error.
const STATUS_500 = "the SDK loses the code of a fault with HTTP status 500, and keeps its XML";
const NOT_EXPECTED = {
  "v8.6": {
    "nothing found is an empty list, an empty record, zero, or a fault": STATUS_500,
    "an unknown attribute is a fault with Campaign's codes": STATUS_500,
    "a duplicate is a fault that wraps its cause": STATUS_500,
    "a row of an unknown group is a fault, and the collection writes nothing": STATUS_500,
  },
  old: {
    "the session has the operator and its rights": "userInfo has no login",
  },
};
const notExpected = NOT_EXPECTED[build] ?? {};
let passed = 0;
let failedAsExpected = 0;

async function check(what, body) {
  const reason = notExpected[what];
  try {
    await body();
  } catch (error) {
    if (reason && error instanceof assert.AssertionError) {
      console.log(`acc_js_sdk.mjs: ${build}: not expected: ${what}: ${reason}`);
      failedAsExpected += 1;
      return;
    }
    console.error(`acc_js_sdk.mjs: FAILED${build ? ` on build ${build}` : ""}: ${what}`);
    throw error;
  }
  assert.ok(!reason, `build ${build} does what is not expected of it: ${what}`);
  passed += 1;
}

/** The error of a call that must fail. */
async function refused(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: "the call was accepted" });
}

async function connect(secret) {
  const options = { timeout: 30000, noStorage: true };
  return sdk.init(sdk.ConnectionParameters.ofUserAndPassword(url, login, secret, options));
}

/** Adobe writes an XTK literal with this template. */
const text = sdk.escapeXtk.bind(sdk);

const client = await connect(password);
const query = (definition) => client.NLWS.xtkQueryDef.create(definition).executeQuery();
const nodes = (...expressions) => ({ node: expressions.map((expr) => ({ expr })) });
const where = (...expressions) => ({ condition: expressions.map((expr) => ({ expr })) });

const groupWhere = where(text`@name=${GROUP}`);
const memberships = async () => {
  const answer = await query({
    schema: "xtk:operatorGroup",
    operation: "select",
    lineCount: 1000,
    select: nodes("[@operator-id]", "[@group-id]", "[operator/@name]", "[group/@name]"),
    where: where(text`[group/@name]=${GROUP}`, "[operator/@type]=0"),
    orderBy: nodes("[@operator-id]", "[@group-id]"),
  });
  return answer.operatorGroup;
};

await check("a wrong password is refused with Campaign's code", async () => {
  const error = await refused(async () => (await connect(`${password}x`)).logon());
  assert.equal(error.statusCode, 403);
  assert.match(`${error.errorCode} ${error.message} ${error.detail}`, /XSV-350012/);
});

await check("logon", async () => {
  await client.logon();
  assert.ok(client.isLogged());
});

await check("the session has the operator and its rights", async () => {
  const info = client.getSessionInfo();
  assert.equal(info.userInfo.login, login);
  assert.ok([info.userInfo["login-right"]].flat().some((right) => right.right === "admin"));
  assert.ok(info.serverInfo.buildNumber);
});

await check("the connection is tested", () => client.NLWS.xtkSession.testCnx());

await check("the server tells its time", async () => {
  const time = await client.NLWS.xtkSession.getServerTime();
  assert.ok(time instanceof Date && !Number.isNaN(time.getTime()));
});

let total = 0;
await check("operators are counted", async () => {
  const answer = await query({ schema: "xtk:operator", operation: "count", where: where("@type=0") });
  total = Number(answer.count);
  assert.ok(total >= 3, `only ${total} operators`);
});

const operators = [];
await check("all operators are read by key ranges, each once", async () => {
  // Ids may be negative, and the row with id 0, which every table has, carries no name.
  for (let last = -2147483649; ; ) {
    const { operator } = await query({
      schema: "xtk:operator",
      operation: "select",
      lineCount: PAGE,
      select: nodes("@id", "@name", "@label", "@email", "[access/@authenticationType]"),
      where: where("@type=0", `@id > ${last}`),
      orderBy: nodes("@id"),
    });
    operators.push(...operator);
    if (operator.length < PAGE) break;
    last = Number(operator[PAGE - 1].id);
  }
  assert.equal(operators.length, total);
  assert.equal(new Set(operators.map(({ id }) => id)).size, total);
  assert.ok(operators.every(({ id, name, access }) => Number(id) === 0 || (name && access)));
});

await check("nothing found is an empty list, an empty record, zero, or a fault", async () => {
  const nobody = { schema: "xtk:operator", select: nodes("@id"), where: where("@name='no such operator'") };
  assert.deepEqual((await query({ ...nobody, operation: "select" })).operator, []);
  assert.equal(await query({ ...nobody, operation: "getIfExists" }), null);
  assert.equal(Number((await query({ ...nobody, operation: "count" })).count), 0);
  const error = await refused(() => query({ ...nobody, operation: "get" }));
  assert.equal(error.errorCode, "SOP-330011");
  assert.match(error.detail, /WDB-200011/);
});

await check("an operator is found by name", async () => {
  const first = operators.find(({ name }) => name);
  const found = await query({
    schema: "xtk:operator",
    operation: "getIfExists",
    select: nodes("@id", "@name"),
    where: where(text`@name=${first.name}`, "@type=0"),
  });
  assert.equal(found.id, first.id);
});

await check("an unknown attribute is a fault with Campaign's codes", async () => {
  const error = await refused(() => query({ schema: "xtk:operator", operation: "select", select: nodes("@nmae") }));
  assert.equal(error.statusCode, 500);
  assert.equal(error.errorCode, "SOP-330011");
  assert.match(error.detail, /XTK-170036/);
});

let group;
await check("a group is written, and written again without an effect", async () => {
  const instructions = { xtkschema: "xtk:group", _operation: "insertOrUpdate", _key: "@name" };
  const document = { ...instructions, name: GROUP, label: "Contract" };
  await client.NLWS.xtkSession.write(document);
  await client.NLWS.xtkSession.write(document);
  group = await query({ schema: "xtk:group", operation: "get", select: nodes("@id", "@name"), where: groupWhere });
  assert.equal(group.name, GROUP);
  assert.ok(Number.isInteger(Number(group.id)) && Number(group.id) !== 0);
});

const chosen = operators.slice(-3);
const relation = (operation, operator) => ({
  _operation: operation,
  _key: "[@operator-id],[@group-id]",
  "operator-id": operator.id,
  "group-id": group.id,
});
const writeRows = (rows) =>
  client.NLWS.xtkSession.writeCollection({ xtkschema: "xtk:operatorGroup", operatorGroup: rows });
const members = async () => (await memberships()).map(({ operator }) => operator.name);

await check("memberships are written as a collection", async () => {
  await writeRows(chosen.map((operator) => relation("insert", operator)));
  assert.deepEqual(await members(), chosen.map(({ name }) => name));
});

await check("one collection adds and removes", async () => {
  const operations = ["delete", "insertOrUpdate", "delete"];
  await writeRows(chosen.map((operator, position) => relation(operations[position], operator)));
  assert.deepEqual(await members(), [chosen[1].name]);
});

await check("a membership is written by the names at its links", async () => {
  const end = (name) => ({ _operation: "none", _key: "@name", name });
  const ends = { operator: end(chosen[2].name), group: end(GROUP) };
  await client.NLWS.xtkSession.write({ xtkschema: "xtk:operatorGroup", _operation: "insert", ...ends });
  assert.deepEqual(await members(), [chosen[1].name, chosen[2].name]);
});

await check("a duplicate is a fault that wraps its cause", async () => {
  const document = { xtkschema: "xtk:operatorGroup", ...relation("insert", chosen[1]) };
  const error = await refused(() => client.NLWS.xtkSession.write(document));
  assert.equal(error.errorCode, "SOP-330011");
  assert.match(error.detail, /duplicate key/);
  assert.match(error.detail, /XSV-350023/);
});

await check("a row of an unknown group is a fault, and the collection writes nothing", async () => {
  const before = await members();
  const astray = { ...relation("insert", chosen[0]), "group-id": 999999 };
  const error = await refused(() => writeRows([relation("delete", chosen[1]), astray]));
  assert.equal(error.errorCode, "SOP-330011");
  assert.match(error.detail, /Unable to find key values/);
  assert.deepEqual(await members(), before);
});

await check("the group goes, with its memberships", async () => {
  await client.NLWS.xtkSession.write({ xtkschema: "xtk:group", _operation: "delete", _key: "@name", name: GROUP });
  assert.deepEqual(await memberships(), []);
  const found = await query({ schema: "xtk:group", operation: "count", where: groupWhere });
  assert.equal(Number(found.count), 0);
});

await check("the compiled schema of the relation is readable", async () => {
  const schema = await client.getSchema("xtk:operatorGroup", "xml");
  const paths = [...schema.getElementsByTagName("keyfield")].map((field) => field.getAttribute("xpath"));
  assert.deepEqual(paths, build === "v7.4" ? ["@id"] : ["@operator-id", "@group-id"]);
});

await check("after the logoff a call is refused", async () => {
  const stale = client.NLWS.xtkQueryDef.create({ schema: "xtk:operator", operation: "count" });
  const { _sessionToken: sessionToken, _securityToken: securityToken } = client;
  await client.logoff();
  assert.ok(!client.isLogged());
  const local = await refused(() => stale.executeQuery());
  assert.equal(local.errorCode, "SDK-000010");

  const options = { noStorage: true };
  const tokens = sdk.ConnectionParameters.ofSessionAndSecurityToken(url, sessionToken, securityToken, options);
  const resumed = await sdk.init(tokens);
  await resumed.logon();
  const remote = await refused(() => resumed.NLWS.xtkSession.testCnx());
  assert.equal(remote.statusCode, 401);
});

assert.equal(failedAsExpected, Object.keys(notExpected).length, "a check that is not expected did not run");
console.log(`acc_js_sdk.mjs: ${build ? `build ${build}: ` : ""}${passed} checks passed`);
