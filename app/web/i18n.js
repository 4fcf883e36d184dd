// The page's few words in three languages. The first is the reader's, by navigator.language, then by choice.

const WORDS = {
  en: {
    skip: "Skip to the question", library: "Library", collection: "Collection", newCollection: "New collection",
    addFiles: "Add files", addUrl: "Add a web page", add: "Add", uploads: "Being added",
    documents: "Documents", language: "Language", newConversation: "New conversation", close: "Close",
    ask: "Ask your documents…", adapter: "Adapter", adapterDefault: "Collection default",
    adapterBase: "Base model", keys: "Enter sends · Shift+Enter breaks the line", send: "Send", stop: "Stop",
    sources: "Sources", looked: "What was looked at", more: "Also looked at", page: "p. {n}",
    original: "Download the original", inDocument: "Read it in the document", citation: "Source {n}: {title}", match: "match {n}",
    searching: "Looking through the documents…", writing: "Writing…", stopped: "Stopped.", retry: "Try again",
    starting: "The engine is starting. Trying again in {n} s…", ready: "Answer:",
    grounded: "{n} grounded", firstToken: "first word {n} s", total: "{n} s in all", base: "base model",
    rating: "Did this answer help?", good: "Helpful", bad: "Not helpful", rated: "Your rating is kept.",
    abstained: "No answer from these documents",
    no_documents: "This collection holds no documents yet.",
    weak_evidence: "Nothing in the documents comes close enough to the question.",
    unsupported_answer: "A draft was written, but the documents do not bear it out.",
    emptyTitle: "What would you like to know?", emptyText: "Every answer points to the words it rests on.",
    bareTitle: "Begin with a document",
    bareText: "Drop a file anywhere on this page: a PDF, a web page, Markdown or plain text.",
    aboutTitle: "What does “{title}” say?", dropHere: "Drop to add to “{name}”",
    sending: "sending {n}", queued: "waiting", running: "working", failed: "failed", unchanged: "already here",
    cancelled: "cancelled", deleteIt: "Delete {title}", sure: "Delete?", yes: "Delete", no: "Keep",
    dismiss: "Dismiss", folder: "A folder cannot be added: drop the files in it.", onePage: "{n} page", pages: "{n} pages", unread: "not read: {n}",
    shelfEmpty: "Nothing here yet.", keyTitle: "This server asks for a key",
    keyText: "It is kept in this tab only, and forgotten when you close it.", key: "API key",
    keyRefused: "That key was not accepted.", keyNeeded: "An API key is needed.", proceed: "Continue",
    cancel: "Cancel", create: "Create", name: "Name", offline: "The server cannot be reached.",
    cut: "The answer broke off: the connection was lost.", request: "request {id}",
    stages: { fetching: "fetching", extracting: "reading", chunking: "dividing", embedding: "embedding", committing: "saving", done: "done" },
  },
  fa: {
    skip: "پرش به پرسش", library: "کتابخانه", collection: "مجموعه", newCollection: "مجموعهٔ تازه",
    addFiles: "افزودن پرونده", addUrl: "افزودن صفحهٔ وب", add: "افزودن", uploads: "در حال افزودن",
    documents: "سندها", language: "زبان", newConversation: "گفت‌وگوی تازه", close: "بستن",
    ask: "از سندهایتان بپرسید…", adapter: "آداپتور", adapterDefault: "پیش‌فرض مجموعه",
    adapterBase: "مدل پایه", keys: "Enter می‌فرستد · Shift+Enter خط تازه", send: "فرستادن", stop: "توقف",
    sources: "منابع", looked: "آنچه بررسی شد", more: "همچنین بررسی شد", page: "ص {n}",
    original: "دریافت اصل سند", inDocument: "خواندن در خود سند", citation: "منبع {n}: {title}", match: "همخوانی {n}",
    searching: "جست‌وجو در سندها…", writing: "در حال نوشتن…", stopped: "متوقف شد.", retry: "دوباره",
    starting: "موتور در حال راه‌اندازی است. تلاش دوباره تا {n} ثانیه…", ready: "پاسخ:",
    grounded: "{n} مستند", firstToken: "نخستین واژه {n} ث", total: "در کل {n} ث", base: "مدل پایه",
    rating: "این پاسخ کمکی کرد؟", good: "مفید بود", bad: "مفید نبود", rated: "نظر شما ثبت شد.",
    abstained: "در این سندها پاسخی نیست",
    no_documents: "این مجموعه هنوز سندی ندارد.",
    weak_evidence: "هیچ بخشی از سندها به اندازهٔ کافی به پرسش نزدیک نیست.",
    unsupported_answer: "پیش‌نویسی نوشته شد، اما سندها آن را تأیید نمی‌کنند.",
    emptyTitle: "چه می‌خواهید بدانید؟", emptyText: "هر پاسخ، واژه‌هایی را که بر آن‌ها تکیه دارد نشان می‌دهد.",
    bareTitle: "با یک سند آغاز کنید",
    bareText: "پرونده‌ای را روی همین صفحه رها کنید: PDF، صفحهٔ وب، Markdown یا متن ساده.",
    aboutTitle: "«{title}» چه می‌گوید؟", dropHere: "برای افزودن به «{name}» رها کنید",
    sending: "فرستادن {n}", queued: "در نوبت", running: "در حال کار", failed: "ناموفق", unchanged: "از پیش هست",
    cancelled: "لغو شد", deleteIt: "حذف {title}", sure: "حذف شود؟", yes: "حذف", no: "بماند",
    dismiss: "بستن", folder: "پوشه را نمی‌شود افزود: پرونده‌های درون آن را رها کنید.", onePage: "{n} صفحه", pages: "{n} صفحه", unread: "خوانده‌نشده: {n}",
    shelfEmpty: "هنوز چیزی اینجا نیست.", keyTitle: "این سرور کلید می‌خواهد",
    keyText: "کلید فقط در همین برگه می‌ماند و با بستن آن فراموش می‌شود.", key: "کلید API",
    keyRefused: "این کلید پذیرفته نشد.", keyNeeded: "کلید API لازم است.", proceed: "ادامه",
    cancel: "انصراف", create: "ساختن", name: "نام", offline: "سرور در دسترس نیست.",
    cut: "پاسخ ناتمام ماند: ارتباط قطع شد.", request: "درخواست {id}",
    stages: { fetching: "دریافت", extracting: "خواندن", chunking: "بخش‌بندی", embedding: "بردارسازی", committing: "ذخیره", done: "انجام شد" },
  },
  zh: {
    skip: "跳到提问", library: "资料库", collection: "文档集", newCollection: "新建文档集",
    addFiles: "添加文件", addUrl: "添加网页", add: "添加", uploads: "正在添加",
    documents: "文档", language: "语言", newConversation: "新对话", close: "关闭",
    ask: "向你的文档提问…", adapter: "适配器", adapterDefault: "文档集默认",
    adapterBase: "基础模型", keys: "Enter 发送 · Shift+Enter 换行", send: "发送", stop: "停止",
    sources: "来源", looked: "查看过的内容", more: "还查看了", page: "第 {n} 页",
    original: "下载原文件", inDocument: "在文档中阅读", citation: "来源 {n}：{title}", match: "匹配 {n}",
    searching: "正在查阅文档…", writing: "正在作答…", stopped: "已停止。", retry: "重试",
    starting: "引擎正在启动，{n} 秒后重试…", ready: "回答：",
    grounded: "{n} 有据", firstToken: "首字 {n} 秒", total: "共 {n} 秒", base: "基础模型",
    rating: "这个回答有帮助吗？", good: "有帮助", bad: "没有帮助", rated: "已记录你的评价。",
    abstained: "这些文档里没有答案",
    no_documents: "这个文档集还没有文档。",
    weak_evidence: "文档中没有与问题足够接近的内容。",
    unsupported_answer: "已写出草稿，但文档不支持它。",
    emptyTitle: "你想了解什么？", emptyText: "每个回答都指向它所依据的原文。",
    bareTitle: "从一份文档开始",
    bareText: "把文件拖到页面任意位置：PDF、网页、Markdown 或纯文本。",
    aboutTitle: "《{title}》讲了什么？", dropHere: "松开即可添加到“{name}”",
    sending: "上传 {n}", queued: "等待中", running: "处理中", failed: "失败", unchanged: "已存在",
    cancelled: "已取消", deleteIt: "删除 {title}", sure: "删除？", yes: "删除", no: "保留",
    dismiss: "关闭", folder: "不能添加文件夹：请拖入其中的文件。", onePage: "{n} 页", pages: "{n} 页", unread: "未能读取：{n}",
    shelfEmpty: "这里还没有内容。", keyTitle: "此服务器需要密钥",
    keyText: "密钥只保存在此标签页中，关闭后即忘记。", key: "API 密钥",
    keyRefused: "密钥未被接受。", keyNeeded: "需要 API 密钥。", proceed: "继续",
    cancel: "取消", create: "创建", name: "名称", offline: "无法连接服务器。",
    cut: "回答中断：连接已断开。", request: "请求 {id}",
    stages: { fetching: "抓取", extracting: "读取", chunking: "切分", embedding: "向量化", committing: "保存", done: "完成" },
  },
};

const KEPT = "simurgh.language";
let language = "en";

/** t("page", {n: 3}) in the reader's language. */
export function t(word, values = {}) {
  return WORDS[language][word].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** What a job is doing; a stage this page does not know is shown as the server names it. */
export const stage = (name) => WORDS[language].stages[name] ?? name ?? t("running");

export const number = (value, options) => new Intl.NumberFormat(language, options).format(value);
export const percent = (share) => number(share, { style: "percent", maximumFractionDigits: 0 });
export const seconds = (ms) => number(ms / 1000, { maximumSignificantDigits: 2 });

export function setLanguage(wanted, keep = true) {
  language = wanted in WORDS ? wanted : "en";
  if (keep) localStorage.setItem(KEPT, language);
  document.documentElement.lang = language;
  document.documentElement.dir = language === "fa" ? "rtl" : "ltr";
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
  for (const node of document.querySelectorAll("[data-placeholder]")) node.placeholder = t(node.dataset.placeholder);
  for (const node of document.querySelectorAll("[data-lang]")) {
    node.setAttribute("aria-pressed", String(node.dataset.lang === language));
  }
  document.dispatchEvent(new Event("simurgh:language"));
}

export function firstLanguage() {
  setLanguage(localStorage.getItem(KEPT) ?? navigator.language.slice(0, 2).toLowerCase(), false);
}
