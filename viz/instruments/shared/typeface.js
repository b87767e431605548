// The page's typeface, which Streamlit serves. It arrives over the network, and what is measured or painted before it
// is there has the widths of another one.

const LONGEST_WAIT_MS = 3000;
const late = [];
let isHere = false;

// Bold and regular are one file of variable weight.
const arrival = document.fonts.load('16px "Source Sans"').then(
  () => {
    isHere = true;
    late.splice(0).forEach((redraw) => redraw());
  },
  () => {}, // It did not come: the page reads as well in the machine's own.
);

// Resolves when there is something to measure with: the typeface, or no hope to see it soon.
export function typeface() {
  return Promise.race([arrival, new Promise((resolve) => setTimeout(resolve, LONGEST_WAIT_MS))]);
}

// Calls `redraw` once if the typeface arrives later than that.
export function onTypeface(redraw) {
  if (!isHere) late.push(redraw);
}
