// The texts of the page in English and Chinese.

const TEXTS = {
  en: {
    title: "Impasto",
    skip: "Skip to the picture",
    forPrograms: "For programs",
    other: "中文",
    photograph: "Photograph",
    choosePhoto: "Choose a photograph",
    dropPhoto: "or drop it here, or paste it",
    useSample: "Try it with a sample",
    style: "Style",
    namedStyles: "Styles",
    ownStyle: "Add a picture of your own",
    settings: "Settings",
    strength: "Strength",
    strokes: "Size of the strokes",
    size: "Size, long side",
    colours: "Colours",
    recipe: "Painting",
    quick: "In one pass",
    paint: "Paint it",
    picture: "Picture",
    pictureArea: "The picture; scrolls at 1:1",
    empty: "Choose a photograph and a style. The picture appears here.",
    compare: "Before and after",
    actual: "1:1",
    mask: "Keep a part as it is",
    brushSize: "Brush",
    erase: "Erase",
    undo: "Undo",
    clear: "Clear",
    divide: "Photograph on the left, painting on the right",
    progress: "Progress",
    stop: "Stop and keep",
    resume: "Go on painting",
    savePng: "Save as PNG",
    restore: "Use its settings",
    link: "Copy the link",
    forget: "Delete",
    history: "Made in this session",
    restoreFile: "Settings from a picture",
    dropMade: "Drop a picture that Impasto made.",
    tokenTitle: "This server asks for a token",
    token: "Token",
    enter: "Enter",
    "colour.style": "the style's",
    "colour.content": "the photograph's",
    "colour.luminance": "the photograph's, painted in greys",
    "colour.match": "matched to the photograph",
    "recipe.default": "balanced",
    "recipe.photo": "faces and letters stay readable",
    "recipe.quick": "fast, from the one-pass picture",
    weight: "Weight of {name}",
    remove: "Remove {name}",
    needBoth: "A photograph and a style are needed.",
    needPicture: "Painting needs a picture of the style: one of your own, or a style with ◆. In one pass all styles work.",
    waiting: "Waiting: place {place}",
    starting: "Starting",
    planned: "About {time} for {width}×{height} px",
    step: "{width}×{height} px, step {step} of {of}",
    left: "{time} left",
    finished: "Finished: {width}×{height} px in {time}.",
    stopped: "Stopped: what is painted is kept.",
    stoppedEmpty: "Stopped before there was a picture.",
    failed: "It did not work.",
    kept: "Results are kept on the server for {time}. The link opens this picture in any browser that reaches the server.",
    copied: "The link is copied.",
    deleted: "The picture is deleted.",
    restored: "The settings of the picture are set.",
    restoredWithout: "The settings are set. Add the photograph and the style pictures again: they are not in the file.",
    gone: "The server cannot be reached.",
    photoOf: "The photograph",
    paintingOf: "The painting",
    preview: "The painting so far",
    tooLarge: "The file is too large: at most {size} MB.",
    notPicture: "This is not a picture.",
    seconds: "{n} s",
    minutes: "{n} min",
    hours: "{n} h",
    "kind.paint": "painted",
    "kind.stylize": "one pass",
    "kind.texture": "texture",
    "kind.reconstruct": "reconstruction",
    "state.queued": "waiting",
    "state.running": "in work",
    "state.failed": "failed",
    "state.stopped": "stopped",
    "state.finished": "",
  },
  zh: {
    title: "Impasto",
    skip: "跳到图片",
    forPrograms: "编程接口",
    other: "English",
    photograph: "照片",
    choosePhoto: "选择照片",
    dropPhoto: "或拖放到这里，或粘贴",
    useSample: "用示例照片试试",
    style: "风格",
    namedStyles: "风格",
    ownStyle: "添加自己的图片",
    settings: "设置",
    strength: "强度",
    strokes: "笔触大小",
    size: "尺寸（长边）",
    colours: "颜色",
    recipe: "绘制方式",
    quick: "快速生成",
    paint: "精细绘制",
    picture: "图片",
    pictureArea: "图片，1:1 时可滚动",
    empty: "请选择照片和风格，图片会显示在这里。",
    compare: "前后对比",
    actual: "1:1",
    mask: "保留一部分原样",
    brushSize: "画笔",
    erase: "擦除",
    undo: "撤销",
    clear: "清空",
    divide: "左边是照片，右边是画",
    progress: "进度",
    stop: "停止并保留",
    resume: "继续绘制",
    savePng: "保存为 PNG",
    restore: "使用它的设置",
    link: "复制链接",
    forget: "删除",
    history: "本次会话的作品",
    restoreFile: "从图片读取设置",
    dropMade: "拖放一张由 Impasto 生成的图片。",
    tokenTitle: "此服务器需要令牌",
    token: "令牌",
    enter: "进入",
    "colour.style": "风格的颜色",
    "colour.content": "照片的颜色",
    "colour.luminance": "照片的颜色，按灰度绘制",
    "colour.match": "风格先匹配照片的颜色",
    "recipe.default": "均衡",
    "recipe.photo": "保持人脸和文字清晰",
    "recipe.quick": "较快，从快速结果开始",
    weight: "{name} 的权重",
    remove: "移除 {name}",
    needBoth: "需要一张照片和一种风格。",
    needPicture: "精细绘制需要风格图片：自己的图片，或带 ◆ 的风格。快速生成可用所有风格。",
    waiting: "排队中：第 {place} 位",
    starting: "正在开始",
    planned: "约需 {time}，{width}×{height} 像素",
    step: "{width}×{height} 像素，第 {step} 步，共 {of} 步",
    left: "还需 {time}",
    finished: "完成：{width}×{height} 像素，用时 {time}。",
    stopped: "已停止，已绘制的部分已保留。",
    stoppedEmpty: "在生成图片之前已停止。",
    failed: "没有成功。",
    kept: "结果在服务器上保留 {time}。能访问此服务器的浏览器都可以用链接打开它。",
    copied: "链接已复制。",
    deleted: "图片已删除。",
    restored: "已应用该图片的设置。",
    restoredWithout: "设置已应用。文件中不含照片和风格图片，请重新添加。",
    gone: "无法连接服务器。",
    photoOf: "照片",
    paintingOf: "画作",
    preview: "绘制中的画作",
    tooLarge: "文件太大：最多 {size} MB。",
    notPicture: "这不是图片。",
    seconds: "{n} 秒",
    minutes: "{n} 分钟",
    hours: "{n} 小时",
    "kind.paint": "精细",
    "kind.stylize": "快速",
    "kind.texture": "纹理",
    "kind.reconstruct": "重建",
    "state.queued": "排队中",
    "state.running": "进行中",
    "state.failed": "失败",
    "state.stopped": "已停止",
    "state.finished": "",
  },
};

const listeners = [];
let language = localStorage.getItem("language") || (navigator.language.startsWith("zh") ? "zh" : "en");

// A text with its {names} filled in; an unknown key is shown as it is.
export function text(key, values = {}) {
  const found = TEXTS[language][key] ?? TEXTS.en[key] ?? key.split(".").pop();
  return found.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// A time for people.
export function duration(seconds) {
  if (seconds < 90) return text("seconds", { n: seconds < 10 ? Number(seconds.toFixed(1)) : Math.round(seconds) });
  if (seconds < 5400) return text("minutes", { n: Math.round(seconds / 60) });
  return text("hours", { n: Number((seconds / 3600).toFixed(1)) });
}

// Call a function now and whenever the language changes.
export function onLanguage(listener) {
  listeners.push(listener);
  listener();
}

export function toggleLanguage() {
  language = language === "en" ? "zh" : "en";
  localStorage.setItem("language", language);
  for (const listener of listeners) listener();
}

// The texts of the elements that name theirs: data-text, and data-label for what is only heard.
export function translatePage() {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", text(element.dataset.label));
}

export const otherLanguage = () => (language === "en" ? "zh" : "en");
export const KEYS = { en: Object.keys(TEXTS.en), zh: Object.keys(TEXTS.zh) };
