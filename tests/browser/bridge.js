// Loaded into each page before JupyterLab, which sets `window.jupyterapp`.
// Its commands and models are more stable than its menus.
window.harness = {
  started() {
    return Boolean(window.jupyterapp?.restored && window.jupyterapp.shell);
  },
  async settle() {
    await window.jupyterapp.restored;
    window.jupyterapp.shell.collapseLeft(); // the file browser takes space
  },
  async command(name, args) {
    await window.jupyterapp.commands.execute(name, args);
  },
  panel() {
    const panels = [...window.jupyterapp.shell.widgets("main")];
    return panels.find((panel) => panel.content?.widgets && panel.sessionContext);
  },
  cell(index) {
    return this.panel().content.widgets.at(index);
  },
  hasKernel() {
    return Boolean(this.panel().sessionContext.session?.kernel);
  },
  idle() {
    const session = this.panel()?.sessionContext;
    const kernel = session?.isReady && session.session?.kernel;
    return kernel?.connectionStatus === "connected" && kernel.status === "idle";
  },
  // The subshells of all widgets have started: messages sent earlier wait for a running cell.
  listening() {
    const kernel = this.panel().sessionContext.session?.kernel;
    if (!kernel?.supportsSubshells) return true;
    return [...kernel._comms.values()].every((comm) => comm.subshellId);
  },
  // The notebook is rendered and, with a kernel, the kernel is idle.
  ready(kernel) {
    const panel = this.panel();
    const rendered = panel?.context.isReady && panel.content.widgets.length > 0;
    return Boolean(rendered && (kernel ? this.idle() : panel.sessionContext.isReady));
  },
  // Replaces all open documents.
  async open(path, kernel) {
    const { commands, shell, serviceManager } = window.jupyterapp;
    await serviceManager.kernelspecs.refreshSpecs(); // otherwise it updates once a minute
    this.dispose([...shell.widgets("main")]);
    const options = { path, factory: "Notebook" };
    if (kernel) {
      await commands.execute("docmanager:open", options);
    } else {
      const kernelPreference = { shouldStart: false, canStart: true, autoStartDefault: false };
      await commands.execute("docmanager:open", { ...options, kernelPreference });
      // JupyterLab 4.4 ignores that argument; it starts no kernel before the file has arrived.
      const session = this.panel().sessionContext;
      session.kernelPreference = { ...session.kernelPreference, ...kernelPreference };
    }
    this.closeOthers(); // an empty window shows a launcher
  },
  closeOthers() {
    const widgets = [...window.jupyterapp.shell.widgets("main")];
    this.dispose(widgets.filter((widget) => widget !== this.panel()));
  },
  dispose(widgets) {
    for (const widget of widgets) {
      if (widget.context?.model) widget.context.model.dirty = false; // otherwise it asks
      widget.dispose();
    }
  },
  save() {
    return this.panel().context.save();
  },
  async shut() {
    const widgets = [...window.jupyterapp.shell.widgets("main")];
    for (const widget of widgets) await widget.sessionContext?.shutdown();
    this.dispose(widgets);
  },
  // Not awaited: the command opens a dialog that the page confirms.
  restart() {
    this.kernelRestarted = false;
    this.command("notebook:restart-kernel").then(() => (this.kernelRestarted = true));
  },
  restarted() {
    return this.kernelRestarted && this.idle();
  },
  // JupyterLab starts another kernel when a kernel has died, and shows a dialog.
  expectDeath() {
    this.deaths = 0;
    this.panel().sessionContext.statusChanged.connect((_, status) => {
      if (status === "autorestarting") this.deaths += 1;
    });
  },
  replaced() {
    document.querySelector(".jp-Dialog .jp-mod-accept")?.click();
    return this.deaths > 0 && this.idle();
  },
  select(index) {
    const panel = this.panel();
    window.jupyterapp.shell.activateById(panel.id);
    panel.content.deselectAll();
    panel.content.activeCellIndex = panel.content.widgets.indexOf(this.cell(index));
  },
  mark(index) {
    const node = this.cell(index).node;
    node.dataset.harness ??= crypto.randomUUID();
    return node.dataset.harness;
  },
  // Not awaited: the cell is marked as running until its last run has ended.
  run(index) {
    this.select(index);
    const mark = this.cell(index).node.dataset;
    const run = String(Number(mark.run ?? 0) + 1);
    Object.assign(mark, { run, running: "yes" });
    const finish = () => mark.run === run && (mark.running = "no");
    this.command("notebook:run-cell").then(finish, finish);
  },
  prompt(index) {
    const prompt = this.cell(index).node.querySelector(".jp-InputPrompt");
    return prompt.textContent.trim().replace(/:$/, "");
  },
  done(index) {
    return this.prompt(index) !== "[*]" && this.cell(index).node.dataset.running !== "yes";
  },
  outputs(index) {
    const area = ".jp-Cell-outputArea > .jp-OutputArea-child > .jp-OutputArea-output";
    return [...this.cell(index).node.querySelectorAll(area)];
  },
  text(index) {
    return this.outputs(index).map((output) => output.innerText.trim()).join("\n");
  },
  shows(index, pattern) {
    return new RegExp(pattern).test(this.text(index));
  },
  images(index) {
    const images = this.outputs(index).flatMap((output) => [...output.querySelectorAll("img")]);
    return Promise.all(images.map((image) => this.describe(image)));
  },
  async describe(image) {
    const timeout = new Promise((resolve) => setTimeout(resolve, 5000));
    await Promise.race([image.decode().catch(() => null), timeout]);
    const blob = image.src.startsWith("blob:") ? await (await fetch(image.src)).blob() : null;
    const box = image.getBoundingClientRect();
    const isRendered = image.naturalWidth > 0 && box.width > 0 && box.height > 0;
    return {
      mime: blob?.type ?? image.src.match(/^data:([^;,]+)/)?.[1] ?? "",
      src: image.src.slice(0, 60),
      width: image.naturalWidth,
      height: image.naturalHeight,
      alt: image.alt,
      visible: isRendered && image.checkVisibility({ opacityProperty: true, visibilityProperty: true }),
    };
  },
  // Set the text of a cell and put the cursor at its end.
  edit(index, text) {
    this.select(index);
    const { model, editor } = this.cell(index);
    model.sharedModel.setSource(text);
    this.panel().content.mode = "edit";
    editor.focus();
    const lines = text.split("\n");
    editor.setCursorPosition({ line: lines.length - 1, column: lines.at(-1).length });
    this.previousLabels = null;
    this.listen(this.panel().sessionContext.session.kernel);
  },
  // Collect the kernel's replies to completion requests.
  listen(kernel) {
    this.replies = [];
    if (this.connectedKernel === kernel) return;
    this.connectedKernel = kernel;
    kernel.anyMessage.connect((_, { msg }) => {
      if (msg.header.msg_type === "complete_reply") this.replies.push(msg.content.matches);
    });
  },
  // Tab completes instead of indenting, and no earlier list is open.
  editing(index) {
    const node = this.cell(index).node;
    return this.labels().length === 0 && node.querySelector(".jp-mod-completer-enabled") !== null;
  },
  labels() {
    const items = document.querySelectorAll(".jp-Completer:not(.lm-mod-hidden) .jp-Completer-match");
    return [...items].map((item) => item.textContent);
  },
  completions(index, text) {
    const source = this.cell(index).model.sharedModel.getSource();
    return source === text ? this.labels() : [source.split(/\s/).at(-1)];
  },
  // The list is filled in steps: it is complete when it stops growing, or when it is empty.
  completed(index, text) {
    if (this.replies.some((matches) => matches.length === 0)) return true;
    const labels = JSON.stringify(this.completions(index, text));
    const isStable = labels === this.previousLabels && labels !== "[]";
    this.previousLabels = labels;
    return isStable;
  },
  setTheme(theme) {
    return this.command("apputils:change-theme", { theme });
  },
  hasTheme(theme) {
    return document.body.dataset.jpThemeName === theme;
  },
};
