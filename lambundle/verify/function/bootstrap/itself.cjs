// Required first by every Node.js of the stand-in: it was started by a loader, and takes that for itself.
"use strict";

const NODE = "/var/lang/bin/node";

process.execPath = NODE;
process.argv[0] = NODE;
const place = process.execArgv.indexOf("--require");
if (place >= 0 && process.execArgv[place + 1] === __filename) {
  process.execArgv.splice(place, 2); // bin/node gives it to each child again
}
