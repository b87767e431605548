// The page's colours, light or dark, and the sequential scale as a table of 256 colours.

export function channels(colour) {
  if (colour.startsWith("#")) return [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  return colour.match(/[\d.]+/g).slice(0, 3).map(Number);
}

function isDark(colour) {
  const [red, green, blue] = channels(colour);
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
}

function ramp(stops) {
  const table = new Uint8ClampedArray(256 * 3);
  const colours = stops.map(channels);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (colours.length - 1);
    const low = Math.min(Math.floor(at), colours.length - 2);
    for (let c = 0; c < 3; c++) {
      table[3 * i + c] = colours[low][c] + (at - low) * (colours[low + 1][c] - colours[low][c]);
    }
  }
  return table;
}

export function readTheme(parentElement, palette) {
  const style = getComputedStyle(parentElement.host ?? parentElement);
  const variable = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  const background = variable("--st-background-color", "#ffffff");
  const mode = isDark(background) ? "dark" : "light";
  return {
    mode,
    background,
    text: variable("--st-text-color", mode === "dark" ? "#eef2f7" : "#14181f"),
    faint: variable("--st-border-color", "#8896a8"),
    panel: variable("--st-secondary-background-color", mode === "dark" ? "#1b222c" : "#f1f4f8"),
    font: variable("--st-font", '"Source Sans", sans-serif'),
    roles: palette[mode].roles,
    ramp: ramp(palette[mode].sequential),
    stops: palette[mode].sequential,
    signed: ramp(palette[mode].diverging),
    signedStops: palette[mode].diverging,
    heads: palette[mode].heads,
  };
}

// The colour of a weight in 0…1, as three bytes' offset into the table.
export function shade(weight) {
  return 3 * Math.round(Math.min(1, Math.max(0, weight)) * 255);
}

// The colour of a signed value on the diverging scale −limit…limit.
export function shadeSigned(value, limit) {
  return 3 * Math.round(Math.min(1, Math.max(0, 0.5 + value / (2 * limit))) * 255);
}

export function css(theme, weight) {
  const at = shade(weight);
  return `rgb(${theme.ramp[at]}, ${theme.ramp[at + 1]}, ${theme.ramp[at + 2]})`;
}

const linear = (channel) =>
  channel <= 0.03928 * 255 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4;

// Relative luminance (WCAG) of [red, green, blue], 0…255.
export function luminance([red, green, blue]) {
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

export function contrast(a, b) {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

// The page's text or background colour, whichever can be read better on the shade of this weight.
export function textOn(theme, weight) {
  const at = shade(weight);
  const ground = theme.ramp.subarray(at, at + 3);
  const [text, background] = [theme.text, theme.background].map(channels);
  return contrast(text, ground) >= contrast(background, ground) ? theme.text : theme.background;
}
