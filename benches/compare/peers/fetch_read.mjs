// All users of an organization with Node's fetch: all pages in one array, or each page by itself.
//
//   node fetch_read.mjs array|paged

const { IMS_URL, UMAPI_URL, ORGANIZATION, CLIENT_ID, CLIENT_SECRET } = process.env;

const form = new URLSearchParams({
  grant_type: "client_credentials",
  client_id: CLIENT_ID,
  client_secret: CLIENT_SECRET,
  scope: "openid,AdobeID,user_management_sdk",
});
const token = await (await fetch(`${IMS_URL}/ims/token/v3`, { method: "POST", body: form })).json();
const headers = { Authorization: `Bearer ${token.access_token}`, "X-Api-Key": CLIENT_ID };
const matching = (users) =>
  users.reduce((sum, { groups }) => sum + groups.filter((name) => name.startsWith("Product 00")).length, 0);

const all = [];
let kept = 0;
for (let page = 0, isLast = false; !isLast; page += 1) {
  const url = `${UMAPI_URL}/users/${encodeURIComponent(ORGANIZATION)}/${page}?directOnly=false`;
  const answer = await fetch(url, { headers });
  if (answer.status !== 200) throw new Error(`page ${page}: ${answer.status}`);
  const { users, lastPage } = await answer.json();
  if (process.argv[2] === "array") all.push(...users);
  else kept += matching(users);
  isLast = lastPage;
}
console.log(kept + matching(all));
