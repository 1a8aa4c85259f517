// Renders formulas with KaTeX, which is served with the site.
document.querySelectorAll(".arithmatex").forEach((element) => {
  const text = element.textContent;
  katex.render(text.slice(2, -2), element, {
    displayMode: text.startsWith("\\["),
    throwOnError: false,
  });
});

// Commands wrap between words, never within an option: a browser would break after its dashes.
document.querySelectorAll(".language-sh code").forEach((code) => {
  const walker = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const text of texts) {
    const parts = text.data.split(/(\s+)/).map((part) => {
      if (!part.trim()) return document.createTextNode(part);
      const word = document.createElement("span");
      word.className = "word";
      word.textContent = part;
      return word;
    });
    text.replaceWith(...parts);
  }
});
