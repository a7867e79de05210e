// Runs the search worker that the site ships, as a browser does: node site_search.js WORKER INDEX < queries, one a line.
// Prints for each query the locations of the pages and sections found, best first, as one line of JSON.
"use strict";
const fs = require("fs");
const [worker, index] = process.argv.slice(2);
const queries = fs.readFileSync(0, "utf8").split("\n").filter(Boolean);
const waiting = [];
let listener;
globalThis.self = globalThis;
globalThis.addEventListener = (_, heard) => { listener = heard; };
globalThis.postMessage = (message) => waiting.shift()(message);
globalThis.importScripts = () => { throw new Error("the worker loads another script"); };
(0, eval)(fs.readFileSync(worker, "utf8"));
const ask = (message) => new Promise((resolve) => { waiting.push(resolve); listener({ data: message }); });
(async () => {
  const { config, docs } = JSON.parse(fs.readFileSync(index, "utf8"));
  await ask({ type: 0, data: { config, docs, options: { suggest: false } } });
  for (const query of queries) {
    const { data } = await ask({ type: 2, data: query });
    console.log(JSON.stringify(data.items.map((found) => found[0].location.split("#")[0])));
  }
})();
