"use strict";

// Plotly writes two <style> elements of its own (its frame, and that of its maps). They get the nonce of this page,
// so that the policy needs no 'unsafe-inline', and no digest that changes with every version of plotly.
{
  const nonce = document.currentScript.nonce;
  const make = document.createElement.bind(document);
  document.createElement = (name, options) => {
    const made = make(name, options);
    if (made instanceof HTMLStyleElement) made.nonce = nonce;
    return made;
  };
}
