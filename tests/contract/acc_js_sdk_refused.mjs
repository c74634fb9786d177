// Adobe's own JavaScript SDK for Campaign, unmodified, against an instance that refuses what the SDK cannot do without: a
// password, and the compiled schemas (issue 112 of acc-js-sdk, version 8.6.3).
//
//   npm install && node acc_js_sdk_refused.mjs NATIVE_URL LOGIN PASSWORD IMS_URL BEARER

import assert from "node:assert/strict";
import sdk from "@adobe/acc-js-sdk";

const [nativeUrl, login, password, imsUrl, bearer] = process.argv.slice(2);
const options = { timeout: 30000, noStorage: true };

/** The error of a client's first query. */
async function refused(parameters) {
  const client = await sdk.init(parameters);
  try {
    await client.logon();
    await client.NLWS.xtkQueryDef.create({ schema: "xtk:operator", operation: "count" }).executeQuery();
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: "the call was accepted" });
}

const native = await refused(sdk.ConnectionParameters.ofUserAndPassword(nativeUrl, login, password, options));
assert.equal(native.statusCode, 403);
assert.match(`${native.errorCode} ${native.message} ${native.detail}`, /XSV-350012/);

const ims = await refused(sdk.ConnectionParameters.ofImsBearerToken(imsUrl, bearer, options));
assert.equal(ims.statusCode, 500);
const text = `${ims.errorCode} ${ims.message} ${ims.detail}`;
assert.match(text, /SOP-330023/);
assert.match(text, /GetEntityIfMoreRecent/);

console.log("acc_js_sdk_refused.mjs: a password and a compiled schema are refused as in the issue");
