// Memberships of operators that are in no group yet, written one by one with Adobe's own SDK: the wall time in seconds.
//
//   node acc_js_sdk_write.mjs URL LOGIN PASSWORD MEMBERSHIPS

import sdk from "@adobe/acc-js-sdk";

const [url, login, password, memberships] = process.argv.slice(2);
const options = { timeout: 600000, noStorage: true };
const client = await sdk.init(sdk.ConnectionParameters.ofUserAndPassword(url, login, password, options));
await client.NLWS.xtkSession.logon();
const select = async (schema, lineCount, condition) => {
  const node = [{ expr: "@id" }];
  const where = { condition: [{ expr: condition }] };
  const definition = { schema, operation: "select", lineCount, select: { node }, where, orderBy: { node } };
  return Object.values(await client.NLWS.xtkQueryDef.create(definition).executeQuery()).find(Array.isArray) ?? [];
};
const operators = await select("xtk:operator", Number(memberships), "@type=0");
const group = (await select("xtk:group", 1000, "@id>0")).pop();
for (const operator of operators) {
  await client.NLWS.xtkSession.write({
    xtkschema: "xtk:operatorGroup",
    _operation: "insertOrUpdate",
    _key: "[@operator-id],[@group-id]",
    "operator-id": operator.id,
    "group-id": group.id,
  });
}
console.log(operators.length);
