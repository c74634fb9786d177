// The operator groups of one operator, as Adobe's own JavaScript SDK for Campaign sees them: one name a line.
//
//   node groups_of.mjs URL LOGIN PASSWORD OPERATOR

import sdk from "@adobe/acc-js-sdk";

const [url, login, password, operator] = process.argv.slice(2);
const options = { timeout: 30000, noStorage: true };
const client = await sdk.init(sdk.ConnectionParameters.ofUserAndPassword(url, login, password, options));
await client.NLWS.xtkSession.logon();
const answer = await client.NLWS.xtkQueryDef
  .create({
    schema: "xtk:operatorGroup",
    operation: "select",
    lineCount: 1000,
    select: { node: [{ expr: "[group/@name]" }] },
    where: { condition: [{ expr: sdk.escapeXtk`[operator/@name]=${operator}` }] },
    orderBy: { node: [{ expr: "[@group-id]" }] },
  })
  .executeQuery();
for (const row of answer.operatorGroup) console.log(row.group.name);
await client.NLWS.xtkSession.logoff();
