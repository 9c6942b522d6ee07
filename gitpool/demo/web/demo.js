// Opens the demo's workflow where the editor would open its default one, whose nodes need models.

const OPENED_KEY = "gitpool-demo.workflow";

async function fetchWorkflow() {
  const response = await fetch("./gitpool_demo/workflow", { cache: "no-store" });
  return response.ok ? await response.json() : null;
}

/** The name of the tab; the editor adds the file's ending itself. */
function tabName(workflow) {
  return workflow.extra?.gitpool_demo?.name ?? "Git Pool";
}

function openInsteadOfDefault(app, workflow) {
  const load = app.loadGraphData;
  // Without a graph the editor means its default one. It asks for that only when this browser
  // has no workflow of its own to restore, so nobody's work is replaced.
  app.loadGraphData = function (graph, clean, restoreView, name, ...rest) {
    if (graph) return load.call(this, graph, clean, restoreView, name, ...rest);
    localStorage.setItem(OPENED_KEY, workflow.id);
    return load.call(this, workflow, true, true, name ?? tabName(workflow), ...rest);
  };
}

/** A browser that knows this address from another demo folder has that folder's workflow. */
function openBesideForeignDemo(app, workflow) {
  const opened = localStorage.getItem(OPENED_KEY);
  if (!opened || opened === workflow.id) return;
  localStorage.setItem(OPENED_KEY, workflow.id);
  // A name of its own: under the same name the editor would put it in the other's tab.
  const name = `${tabName(workflow)} ${workflow.id.slice(0, 4)}`;
  window.setTimeout(() => app.loadGraphData(workflow, true, true, name), 0);
}

async function start() {
  const { app } = await import("../../scripts/app.js");
  let workflow = null;
  let restored = false;
  app.registerExtension({
    name: "gitpool.demo",
    async init() {
      workflow = await fetchWorkflow();
      if (workflow) openInsteadOfDefault(app, workflow);
    },
    afterConfigureGraph() {
      // The first graph is the restored one, if there is any: after it the editor is ready.
      if (restored || !workflow) return;
      restored = true;
      openBesideForeignDemo(app, workflow);
    },
  });
}

await start();
