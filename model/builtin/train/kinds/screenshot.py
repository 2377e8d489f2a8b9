"""Screenshots: what a computer or a telephone shows. Windows, web pages, editors, terminals, apps, chats, tables, players."""

import numpy as np
from PIL import Image, ImageDraw

from .. import text
from ..drawing import any_colour, balanced, chance, frame, hsv, jpeg, pick, rgb, to_image
from ..texture import texture
from . import graphic, photo

WIDE = (16 / 9, 16 / 10, 4 / 3, 1.5)
TALL = (9 / 16, 9 / 19.5, 0.5)


class Theme:
    """The colours and founts of a user interface."""

    def __init__(self, rng: np.random.Generator, dark: bool | None = None):
        self.dark = chance(rng, 0.45) if dark is None else dark
        hue = rng.random()
        if self.dark:
            levels, saturation = np.array([0.06, 0.12, 0.2, 0.55, 0.9]) + rng.uniform(0, 0.08), rng.uniform(0, 0.35)
        else:
            levels, saturation = np.array([1.0, 0.95, 0.87, 0.5, 0.12]) - rng.uniform(0, 0.03), rng.uniform(0, 0.06)
        self.back, self.panel, self.line, self.faint, self.ink = (rgb(hsv(hue, saturation, v)) for v in levels)
        self.accent = rgb(hsv(rng.random(), rng.uniform(0.5, 0.95), rng.uniform(0.55, 0.95)))
        self.style = pick(rng, ("sans", "sans", "sans", "serif"))
        self.radius = pick(rng, (0, 3, 6, 12))


class Screen:
    """An image of a screen and what draws widgets on it; sizes are in units of a line of text."""

    def __init__(self, rng: np.random.Generator, aspects=WIDE, dark: bool | None = None, low: int = 360, high: int = 760):
        self.rng, self.theme = rng, Theme(rng, dark)
        self.image = Image.new("RGB", frame(rng, low, high, aspects), self.theme.back)
        self.draw = ImageDraw.Draw(self.image)
        self.w, self.h = self.image.size
        self.unit = max(7.0, min(self.h, self.w * 1.4) / rng.uniform(26, 52))

    def say(self, x: float, y: float, words: int = 2, size: float = 1.0, colour=None, style: str | None = None, width: float | None = None) -> float:
        """Writes some words, no wider than the width, and returns where they end."""
        font = text.font(self.rng, style or self.theme.style, self.unit * size)
        content = text.words(self.rng, words)
        if width is not None:
            content = content[: max(1, int(width / (font.size * 0.55)))]
        self.draw.text((x, y), content, font=font, fill=colour or self.theme.ink)
        return x + font.getlength(content)

    def passage(self, x: float, y: float, width: float, bottom: float, size: float = 0.9, colour=None) -> float:
        """Fills a column with paragraphs."""
        setter = text.Paragraphs(self.rng, self.image, self.unit * size, colour or self.theme.ink, pick(self.rng, ("latin", "latin", "cyrillic", "ideographs")), self.theme.style)
        return setter.column(x, y, width, bottom)

    def button(self, x: float, y: float, width: float, primary: bool | None = None) -> None:
        """Draws a button."""
        primary = chance(self.rng, 0.4) if primary is None else primary
        self.draw.rounded_rectangle((x, y, x + width, y + self.unit * 1.8), radius=self.theme.radius, fill=self.theme.accent if primary else self.theme.panel, outline=self.theme.line)
        self.say(x + self.unit * 0.6, y + self.unit * 0.3, 1, 0.9, (255, 255, 255) if primary else None, width=width - self.unit)

    def field(self, x: float, y: float, width: float) -> None:
        """Draws an input field."""
        self.draw.rounded_rectangle((x, y, x + width, y + self.unit * 1.8), radius=self.theme.radius, fill=self.theme.back, outline=self.theme.line)
        self.say(x + self.unit * 0.5, y + self.unit * 0.35, 2, 0.85, self.theme.faint, width=width - self.unit)

    def icons(self, x: float, y: float, count: int, step: float, down: bool = False) -> None:
        """Draws a row or a column of small signs."""
        for i in range(count):
            cx, cy = (x, y + i * step) if down else (x + i * step, y)
            r = self.unit * 0.5
            colour = pick(self.rng, (self.theme.faint, self.theme.faint, self.theme.ink, self.theme.accent))
            sort = int(self.rng.integers(4))
            if sort == 0:
                self.draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=colour)
            elif sort == 1:
                self.draw.rectangle((cx - r, cy - r, cx + r, cy + r), outline=colour, width=2)
            elif sort == 2:
                self.draw.polygon([(cx - r, cy + r), (cx, cy - r), (cx + r, cy + r)], fill=colour)
            else:
                for k in (-0.6, 0, 0.6):
                    self.draw.line((cx - r, cy + k * r, cx + r, cy + k * r), fill=colour, width=2)

    def picture(self, x: float, y: float, width: float, height: float) -> None:
        """Shows a picture: a photo, a graphic, or a placeholder."""
        size = (max(8, int(width)), max(8, int(height)))
        sort = self.rng.random()
        if sort < 0.75:
            # The view of a camera, from few and cheap recipes: what matters is the frame around it.
            shown = pick(self.rng, (photo.texture_close_up, photo.subject, photo.landscape, photo.product))(self.rng) if width * height > 0.06 * self.w * self.h else to_image(texture(self.rng, size))
        elif sort < 0.9:
            shown = graphic.poster(self.rng)
        else:
            shown = Image.new("RGB", size, rgb(any_colour(self.rng)))
        self.image.paste(shown.resize(size, Image.Resampling.BILINEAR), (int(x), int(y)))

    def window(self, x0: float, y0: float, x1: float, y1: float) -> float:
        """Draws a window with its title bar, and returns where its contents begin."""
        bar = self.unit * 1.8
        self.draw.rectangle((x0 + 4, y0 + 4, x1 + 5, y1 + 5), fill=tuple(int(c * 0.6) for c in self.theme.line))
        self.draw.rectangle((x0, y0, x1, y1), fill=self.theme.back, outline=self.theme.faint)
        self.draw.rectangle((x0, y0, x1, y0 + bar), fill=pick(self.rng, (self.theme.panel, self.theme.line, self.theme.accent)))
        r = self.unit * 0.35
        if chance(self.rng, 0.4):
            for i, colour in enumerate(((237, 106, 94), (245, 191, 79), (98, 197, 84))):
                cx = x0 + bar * 0.5 + i * r * 3
                self.draw.ellipse((cx - r, y0 + bar / 2 - r, cx + r, y0 + bar / 2 + r), fill=colour)
            self.say((x0 + x1) / 2 - self.unit * 2, y0 + bar * 0.2, 2, 0.9)
        else:
            self.say(x0 + self.unit * 0.6, y0 + bar * 0.2, 2, 0.9, width=x1 - x0 - self.unit * 6)
            for i in range(3):
                cx = x1 - bar * (0.5 + i)
                self.draw.line((cx - r, y0 + bar / 2 - r, cx + r, y0 + bar / 2 + r), fill=self.theme.ink)
                self.draw.line((cx - r, y0 + bar / 2 + r, cx + r, y0 + bar / 2 - r), fill=self.theme.ink)
        return y0 + bar

    def done(self) -> Image.Image:
        """Returns the image, as it is saved: mostly without loss."""
        return jpeg(self.image, int(self.rng.integers(40, 92))) if chance(self.rng, 0.25) else self.image


def desktop(rng: np.random.Generator) -> Image.Image:
    """Windows that overlap on a wallpaper with icons and a task bar."""
    s = Screen(rng)
    sort = int(rng.integers(3))
    if sort == 0:
        s.picture(0, 0, s.w, s.h)
    elif sort == 1:
        a, b = any_colour(rng, True), any_colour(rng)
        s.image.paste(to_image(np.broadcast_to(a + (b - a) * np.linspace(0, 1, s.h)[:, None, None], (s.h, s.w, 3))))
    else:
        s.image.paste(rgb(any_colour(rng)), (0, 0, s.w, s.h))
    for i in range(int(rng.integers(2, 8))):
        y = s.unit * (1.5 + 4 * i)
        s.draw.rounded_rectangle((s.unit, y, s.unit * 3, y + s.unit * 2), radius=4, fill=rgb(any_colour(rng, True)))
        s.say(s.unit * 0.6, y + s.unit * 2.1, 1, 0.7, (255, 255, 255))
    for _ in range(int(rng.integers(1, 4))):
        x0, y0 = rng.uniform(0.02, 0.4) * s.w, rng.uniform(0.02, 0.35) * s.h
        x1, y1 = x0 + rng.uniform(0.35, 0.6) * s.w, y0 + rng.uniform(0.35, 0.6) * s.h
        top = s.window(x0, y0, x1, y1)
        contents(rng, s, x0 + 2, top, x1 - 2, y1 - 2)
    s.draw.rectangle((0, s.h - s.unit * 2, s.w, s.h), fill=s.theme.panel)
    s.icons(s.unit * 1.2, s.h - s.unit, int(rng.integers(3, 10)), s.unit * 2)
    s.say(s.w - s.unit * 4, s.h - s.unit * 1.5, 1, 0.8)
    return s.done()


def contents(rng: np.random.Generator, s: Screen, x0: float, y0: float, x1: float, y1: float) -> None:
    """Fills a window: text, a list of files, icons, a form, or a picture."""
    sort = int(rng.integers(5))
    if sort == 0:
        s.passage(x0 + s.unit, y0 + s.unit * 0.5, x1 - x0 - 2 * s.unit, y1 - s.unit)
    elif sort == 1:
        y, row = y0 + 2, 0
        while y + s.unit * 1.5 < y1:
            if row == 0 or chance(rng, 0.08):
                s.draw.rectangle((x0, y, x1, y + s.unit * 1.4), fill=s.theme.panel if row == 0 else s.theme.accent)
            for at in (0.08, 0.5, 0.75):
                s.say(x0 + (x1 - x0) * at, y + s.unit * 0.15, 1, 0.85, width=(x1 - x0) * 0.24)
            s.icons(x0 + s.unit, y + s.unit * 0.7, 1, 1)
            y += s.unit * 1.5
            row += 1
    elif sort == 2:
        for i in range(max(1, int((x1 - x0) / (s.unit * 5)))):
            for j in range(max(1, int((y1 - y0) / (s.unit * 5)))):
                x, y = x0 + s.unit * (1 + 5 * i), y0 + s.unit * (0.7 + 5 * j)
                if y + s.unit * 4 < y1:
                    s.draw.rounded_rectangle((x, y, x + s.unit * 3, y + s.unit * 2.6), radius=4, fill=pick(rng, (s.theme.accent, s.theme.line, (245, 200, 80))))
                    s.say(x, y + s.unit * 2.8, 1, 0.75, width=s.unit * 4)
    elif sort == 3:
        y = y0 + s.unit
        while y + s.unit * 3 < y1:
            s.say(x0 + s.unit, y + s.unit * 0.3, 1, 0.9, width=(x1 - x0) * 0.25)
            pick(rng, (s.field, s.field, s.button))(x0 + (x1 - x0) * 0.35, y, (x1 - x0) * rng.uniform(0.2, 0.6))
            y += s.unit * 2.6
    else:
        s.picture(x0, y0, x1 - x0, y1 - y0)


def web_page(rng: np.random.Generator) -> Image.Image:
    """A browser, or only the page in it: navigation, hero, columns, cards, pictures, text."""
    s = Screen(rng, (*WIDE, 1, 0.7), dark=chance(rng, 0.25))
    y = 0.0
    if chance(rng, 0.6):
        s.draw.rectangle((0, 0, s.w, s.unit * 4), fill=s.theme.line)
        s.draw.rounded_rectangle((s.unit, s.unit * 0.4, s.unit * 12, s.unit * 2), radius=5, fill=s.theme.back)
        s.say(s.unit * 2, s.unit * 0.6, 2, 0.8, width=s.unit * 9)
        s.draw.rounded_rectangle((s.unit * 6, s.unit * 2.2, s.w - s.unit * 6, s.unit * 3.7), radius=8, fill=s.theme.back)
        s.say(s.unit * 7, s.unit * 2.4, 1, 0.8, s.theme.faint)
        s.icons(s.unit * 1.2, s.unit * 3, 3, s.unit * 1.6)
        y = s.unit * 4
    s.draw.rectangle((0, y, s.w, y + s.unit * 3), fill=pick(rng, (s.theme.accent, s.theme.back, s.theme.panel, (30, 34, 44))))
    for i in range(int(rng.integers(3, 7))):
        s.say(s.w * (0.05 + 0.14 * i), y + s.unit, 1, 1.0, s.theme.faint if i else s.theme.ink)
    y += s.unit * 3.5
    if chance(rng, 0.45):
        tall = s.h * rng.uniform(0.2, 0.4)
        s.picture(0, y, s.w, tall) if chance(rng, 0.5) else s.draw.rectangle((0, y, s.w, y + tall), fill=s.theme.panel)
        s.say(s.w * 0.08, y + tall * 0.3, 4, 2.4, pick(rng, (s.theme.ink, (255, 255, 255))), "bold")
        s.button(s.w * 0.08, y + tall * 0.65, s.unit * 8, True)
        y += tall + s.unit
    if chance(rng, 0.5):
        columns = int(rng.integers(2, 5))
        while y < s.h:
            tall = s.h * rng.uniform(0.2, 0.35)
            for i in range(columns):
                x, wide = s.w * (0.04 + 0.92 * i / columns), s.w * 0.86 / columns
                s.draw.rounded_rectangle((x, y, x + wide, y + tall), radius=s.theme.radius, fill=s.theme.panel, outline=s.theme.line)
                if chance(rng, 0.7):
                    s.picture(x + 1, y + 1, wide - 2, tall * 0.5)
                s.say(x + s.unit * 0.5, y + tall * 0.55, 2, 1.1, style="bold", width=wide - s.unit)
                s.passage(x + s.unit * 0.5, y + tall * 0.55 + s.unit * 1.6, wide - s.unit, y + tall, 0.8, s.theme.faint)
            y += tall + s.unit
    else:
        side = s.w * rng.uniform(0.15, 0.3)
        left = chance(rng, 0.5)
        s.passage(s.w * 0.03 if left else s.w * 0.97 - side, y + s.unit, side * 0.85, s.h * rng.uniform(0.5, 1), 0.8, s.theme.accent)
        x, wide = (side + s.w * 0.05 if left else s.w * 0.04), s.w * 0.9 - side
        s.say(x, y, 5, 1.8, style="bold", width=wide)
        y += s.unit * 3
        while y < s.h:
            if chance(rng, 0.3):
                tall = s.h * rng.uniform(0.1, 0.3)
                s.picture(x, y, wide * rng.uniform(0.4, 1), tall)
                y += tall + s.unit
            y = s.passage(x, y, wide, min(s.h, y + s.h * rng.uniform(0.1, 0.4))) + s.unit
    return s.done()


def code_lines(rng: np.random.Generator, s: Screen, x: float, y: float, width: float, bottom: float, font, colours: list) -> None:
    """Writes lines of a program: indented, in coloured tokens."""
    leading, indent = font.size * 1.35, 0
    letter = font.getlength("m")
    while y + leading < bottom:
        indent = int(np.clip(indent + pick(rng, (-1, 0, 0, 0, 0, 1)), 0, 5))
        if not chance(rng, 0.12):
            at = x + indent * letter * 2.5
            for _ in range(int(rng.integers(1, 8))):
                token = text.word(rng) + pick(rng, ("", "", "()", " =", ",", ":", ".", "{", " ->", "[0]", ";"))
                if at + len(token) * letter > x + width:
                    break
                s.draw.text((at, y), token, font=font, fill=pick(rng, colours))
                at += (len(token) + 1) * letter
        y += leading


def editor(rng: np.random.Generator) -> Image.Image:
    """A program editor: files at the side, tabs, line numbers, coloured code, perhaps a terminal below."""
    s = Screen(rng, dark=chance(rng, 0.65))
    colours = [s.theme.ink, s.theme.ink, s.theme.faint] + [rgb(hsv(rng.random(), 0.55, 0.9 if s.theme.dark else 0.55)) for _ in range(4)]
    side = s.w * rng.uniform(0, 0.28) if chance(rng, 0.7) else 0
    if side > s.unit * 5:
        s.draw.rectangle((0, 0, side, s.h), fill=s.theme.panel)
        y = s.unit
        while y < s.h - s.unit * 2:
            s.say(s.unit * pick(rng, (1, 2, 3)), y, 1, 0.85, width=side - s.unit * 3)
            y += s.unit * 1.4
    s.draw.rectangle((side, 0, s.w, s.unit * 2), fill=s.theme.line)
    for i in range(int(rng.integers(1, 5))):
        x = side + i * s.unit * 8
        s.draw.rectangle((x, 0, x + s.unit * 7.7, s.unit * 2), fill=s.theme.back if i == 0 else s.theme.panel)
        s.say(x + s.unit, s.unit * 0.4, 1, 0.85, width=s.unit * 6)
    font = text.font(rng, "mono", s.unit * rng.uniform(0.8, 1.1))
    bottom = s.h - s.unit * 1.5
    if chance(rng, 0.35):
        split = s.h * rng.uniform(0.6, 0.8)
        s.draw.rectangle((side, split, s.w, s.h), fill=s.theme.panel)
        code_lines(rng, s, side + s.unit, split + s.unit, s.w - side - 2 * s.unit, bottom, font, [s.theme.ink, s.theme.faint])
        bottom = split
    for i in range(int((bottom - s.unit * 2.5) / (font.size * 1.35))):
        s.draw.text((side + 4, s.unit * 2.5 + i * font.size * 1.35), f"{i + 1:>3}", font=font, fill=s.theme.faint)
    code_lines(rng, s, side + s.unit * 3.5, s.unit * 2.5, s.w - side - s.unit * 5, bottom, font, colours)
    s.draw.rectangle((0, s.h - s.unit * 1.4, s.w, s.h), fill=s.theme.accent)
    return s.done()


def terminal(rng: np.random.Generator) -> Image.Image:
    """A terminal: prompts, output, progress bars, in few colours, in a window or full screen."""
    s = Screen(rng, dark=chance(rng, 0.85))
    top = s.window(0, 0, s.w - 1, s.h - 1) if chance(rng, 0.6) else 0
    if s.theme.dark and chance(rng, 0.6):
        s.draw.rectangle((0, top, s.w, s.h), fill=pick(rng, ((0, 0, 0), (12, 12, 12), (48, 10, 36), (0, 43, 54), (30, 30, 46))))
    font = text.font(rng, "mono", s.unit * rng.uniform(0.8, 1.2))
    y, leading, last = top + 3, font.size * 1.3, s.h * rng.uniform(0.4, 1)
    green = pick(rng, ((80, 220, 100), (90, 180, 240), (230, 200, 80)))
    while y + leading < last:
        sort = rng.random()
        if sort < 0.2:
            prompt = f"{text.word(rng)}@{text.word(rng)}:~$ "
            s.draw.text((6, y), prompt, font=font, fill=green)
            s.draw.text((6 + font.getlength(prompt), y), text.words(rng, 3), font=font, fill=s.theme.ink)
        elif sort < 0.3:
            s.draw.text((6, y), "[" + "#" * int(rng.integers(2, 24)) + "." * 8 + "] " + text.number(rng), font=font, fill=s.theme.ink)
        elif sort < 0.5:
            for i in range(4):
                s.draw.text((6 + s.w * 0.22 * i, y), pick(rng, (text.word(rng), text.number(rng))), font=font, fill=pick(rng, (s.theme.ink, s.theme.faint, green)))
        elif sort < 0.95:
            s.draw.text((6, y), text.words(rng, int(rng.integers(2, 12))), font=font, fill=pick(rng, (s.theme.ink, s.theme.ink, s.theme.faint, (230, 90, 80))))
        y += leading
    s.draw.rectangle((6, y, 6 + font.size * 0.6, y + font.size), fill=s.theme.ink)
    return s.done()


def status_bar(rng: np.random.Generator, s: Screen) -> float:
    """Draws the bars at the top of a telephone's screen, and returns where the app begins."""
    s.say(s.unit, s.unit * 0.3, 1, 0.75)
    s.icons(s.w - s.unit * 4, s.unit * 0.8, 3, s.unit * 1.2)
    s.draw.rectangle((0, s.unit * 1.6, s.w, s.unit * 4.4), fill=pick(rng, (s.theme.accent, s.theme.back, s.theme.panel)))
    s.icons(s.unit * 1.3, s.unit * 3, 1, 1)
    s.say(s.unit * 3, s.unit * 2.3, 2, 1.3, style="bold")
    return s.unit * 4.6


def tab_bar(rng: np.random.Generator, s: Screen) -> float:
    """Draws the bar at the bottom of an app, and returns where it begins."""
    y = s.h - s.unit * 3
    s.draw.rectangle((0, y, s.w, s.h), fill=s.theme.panel)
    count = int(rng.integers(3, 6))
    s.icons(s.w / count / 2, y + s.unit * 1.5, count, s.w / count)
    return y


def mobile_app(rng: np.random.Generator) -> Image.Image:
    """A telephone app: a list, a feed with pictures, settings with switches, or tiles."""
    s = Screen(rng, TALL, low=420, high=760)
    y, end = status_bar(rng, s), tab_bar(rng, s)
    sort = int(rng.integers(4))
    while y < end - s.unit * 3:
        if sort == 0:
            r = s.unit * 1.2
            s.draw.ellipse((s.unit, y + 4, s.unit + 2 * r, y + 4 + 2 * r), fill=rgb(any_colour(rng, True)))
            s.say(s.unit * 4.2, y + 4, 2, 1, style="bold", width=s.w - s.unit * 8)
            s.say(s.unit * 4.2, y + 4 + s.unit * 1.3, 5, 0.85, s.theme.faint, width=s.w - s.unit * 6)
            y += s.unit * 3.4
            s.draw.line((s.unit * 4, y, s.w, y), fill=s.theme.line)
        elif sort == 1:
            tall = min(end - y, s.w * rng.uniform(0.5, 1))
            s.say(s.unit, y + 3, 3, 1, style="bold")
            s.picture(0, y + s.unit * 1.8, s.w, tall - s.unit * 1.8)
            s.icons(s.unit * 1.2, y + tall + s.unit, 3, s.unit * 2)
            y += tall + s.unit * 2
        elif sort == 2:
            s.say(s.unit, y + s.unit * 0.5, 2, 1, width=s.w * 0.6)
            x, on = s.w - s.unit * 3.5, chance(rng, 0.5)
            s.draw.rounded_rectangle((x, y + s.unit * 0.4, x + s.unit * 2.4, y + s.unit * 1.7), radius=s.unit * 0.65, fill=s.theme.accent if on else s.theme.line)
            cx = x + s.unit * (1.75 if on else 0.65)
            s.draw.ellipse((cx - s.unit * 0.55, y + s.unit * 0.5, cx + s.unit * 0.55, y + s.unit * 1.6), fill=(255, 255, 255))
            y += s.unit * 2.4
            s.draw.line((s.unit, y, s.w, y), fill=s.theme.line)
        else:
            tall = s.w * 0.42
            for i in range(2):
                x = s.w * (0.04 + 0.49 * i)
                s.draw.rounded_rectangle((x, y + 4, x + s.w * 0.44, y + tall), radius=10, fill=pick(rng, (s.theme.panel, s.theme.accent, rgb(any_colour(rng)))))
                s.say(x + s.unit, y + tall * 0.65, 2, 1, width=s.w * 0.36)
                s.icons(x + s.unit * 2, y + tall * 0.35, 1, 1)
            y += tall + 6
    return s.done()


def home_screen(rng: np.random.Generator) -> Image.Image:
    """The icons of a telephone or a tablet in rows on a wallpaper."""
    s = Screen(rng, (*TALL, 0.75, 4 / 3), low=420, high=720)
    s.picture(0, 0, s.w, s.h)
    s.say(s.unit, s.unit * 0.3, 1, 0.75, (255, 255, 255))
    columns = int(rng.integers(3, 7))
    cell = s.w / columns
    side = int(cell * 0.6)
    for j in range(int((s.h - cell * 0.5) / (cell * 1.15))):
        for i in range(columns):
            if j > 3 and chance(rng, 0.3):
                continue
            x, y = i * cell + cell * 0.2, s.unit * 2 + j * cell * 1.15
            tile = graphic.emblem(rng, side, [(255, 255, 255), rgb(any_colour(rng, True))])
            s.draw.rounded_rectangle((x, y, x + side, y + side), radius=side * 0.22, fill=rgb(any_colour(rng, True)))
            s.image.paste(tile, (int(x), int(y)), tile.getchannel("A"))
            s.say(x, y + side + 2, 1, 0.65, (255, 255, 255), width=cell * 0.8)
    return s.done()


def chat(rng: np.random.Generator) -> Image.Image:
    """A conversation: bubbles left and right, pictures, times, an input field."""
    s = Screen(rng, (*TALL, *TALL, 4 / 3), low=420, high=740)
    y, end, left = status_bar(rng, s), s.h - s.unit * 3, 0.0
    if s.w > s.h:
        left = s.w * 0.3
        s.draw.rectangle((0, 0, left, s.h), fill=s.theme.panel)
        for i in range(int(s.h / (s.unit * 3))):
            s.draw.ellipse((6, i * s.unit * 3 + 6, 6 + s.unit * 2, i * s.unit * 3 + 6 + s.unit * 2), fill=rgb(any_colour(rng)))
            s.say(s.unit * 3, i * s.unit * 3 + 8, 2, 0.9, width=left - s.unit * 4)
    room = s.w - left
    mine, theirs = s.theme.accent, s.theme.line
    while y < end - s.unit * 3:
        own, lines = chance(rng, 0.5), int(rng.integers(1, 5))
        wide = room * rng.uniform(0.25, 0.7)
        tall = min(s.unit * (0.8 + 1.3 * lines), end - y - 2)
        x = s.w - wide - s.unit if own else left + s.unit
        if chance(rng, 0.12) and tall > s.unit * 3:
            s.picture(x, y, wide, tall)
        else:
            s.draw.rounded_rectangle((x, y, x + wide, y + tall), radius=min(s.unit, tall / 2), fill=mine if own else theirs)
            for i in range(lines):
                if s.unit * (0.3 + 1.3 * (i + 1)) < tall:
                    s.say(x + s.unit * 0.6, y + s.unit * (0.3 + 1.3 * i), 8, 0.9, (255, 255, 255) if own else None, width=(wide - s.unit * 1.4) * (1 if i < lines - 1 else 0.6))
        y += tall + s.unit * rng.uniform(0.3, 1.2)
    s.draw.rectangle((left, end, s.w, s.h), fill=s.theme.panel)
    s.field(left + s.unit, end + s.unit * 0.6, room - s.unit * 4)
    s.icons(s.w - s.unit * 1.5, end + s.unit * 1.5, 1, 1)
    return s.done()


def dialog(rng: np.random.Generator) -> Image.Image:
    """A dialog or a settings window: message or options, buttons; alone or over something greyed."""
    s = Screen(rng, (1.3, 1.6, 2, 1), low=260, high=560)
    s.unit = max(8.0, s.h / rng.uniform(12, 24))
    top = s.window(0, 0, s.w - 1, s.h - 1) if chance(rng, 0.7) else s.unit
    y = top + s.unit
    if chance(rng, 0.6):
        r = s.unit * 1.3
        s.draw.ellipse((s.unit, y, s.unit + 2 * r, y + 2 * r), fill=pick(rng, ((220, 60, 50), (240, 180, 40), (60, 130, 220), s.theme.accent)))
        s.passage(s.unit * 5, y, s.w - s.unit * 7, s.h * 0.6)
        y = s.h * 0.62
    while y < s.h - s.unit * 5:
        sort = int(rng.integers(4))
        if sort == 0:
            s.draw.rectangle((s.unit, y, s.unit * 2, y + s.unit), outline=s.theme.faint, fill=s.theme.accent if chance(rng, 0.5) else s.theme.back)
            s.say(s.unit * 2.6, y - 1, 4, 1, width=s.w - s.unit * 5)
        elif sort == 1:
            s.say(s.unit, y, 2, 1, width=s.w * 0.3)
            s.field(s.w * 0.4, y - s.unit * 0.3, s.w * 0.5)
        elif sort == 2:
            s.draw.line((s.unit, y + s.unit * 0.6, s.w - s.unit, y + s.unit * 0.6), fill=s.theme.line, width=4)
            x = s.w * rng.uniform(0.2, 0.8)
            s.draw.line((s.unit, y + s.unit * 0.6, x, y + s.unit * 0.6), fill=s.theme.accent, width=4)
        else:
            s.say(s.unit, y, 5, 1, width=s.w - s.unit * 3)
        y += s.unit * 2.3
    for i in range(int(rng.integers(1, 4))):
        s.button(s.w - s.unit * 7.5 * (i + 1), s.h - s.unit * 2.8, s.unit * 6.5, i == 0)
    return s.done()


def spreadsheet(rng: np.random.Generator) -> Image.Image:
    """A spreadsheet or data table in its program: headers, grid, numbers, tools above, tabs below."""
    s = Screen(rng, dark=chance(rng, 0.15))
    top = s.unit * rng.uniform(2, 6)
    s.draw.rectangle((0, 0, s.w, top), fill=pick(rng, (s.theme.panel, s.theme.accent)))
    for i in range(int(top / (s.unit * 2))):
        s.icons(s.unit * 1.5, s.unit * (1 + 2 * i), int(s.w / (s.unit * 2.5)), s.unit * 2.2)
    font = text.font(rng, "sans", s.unit * 0.85)
    row_h, x, edges = s.unit * rng.uniform(1.3, 1.8), s.unit * 2.4, []
    while x < s.w:
        edges.append(x)
        x += s.unit * rng.uniform(4, 10)
    edges.append(s.w)
    s.draw.rectangle((0, top, s.w, top + row_h), fill=s.theme.panel)
    y, row, filled = top, 0, rng.uniform(0.3, 1)
    numeric = [chance(rng, 0.65) for _ in edges]
    tinted = {int(rng.integers(0, 30)): rgb(hsv(rng.random(), 0.25, 0.95)) for _ in range(4)} if chance(rng, 0.5) else {}
    while y < s.h - s.unit * 1.8:
        if row in tinted:
            s.draw.rectangle((edges[0], y, s.w, y + row_h), fill=tinted[row])
        s.draw.line((0, y, s.w, y), fill=s.theme.line)
        s.draw.text((4, y + 2), str(row), font=font, fill=s.theme.faint)
        for i, (a, b) in enumerate(zip(edges[:-1], edges[1:])):
            if row == 0:
                s.draw.text(((a + b) / 2 - 3, y + 2), chr(65 + i % 26), font=font, fill=s.theme.faint)
            elif i / len(edges) < filled and row < 40 * filled and not chance(rng, 0.08):
                content = text.number(rng) if numeric[i] and row > 1 else text.word(rng)
                room = font.getlength(content)
                if room < b - a - 4:
                    s.draw.text((b - room - 3 if numeric[i] else a + 3, y + 2), content, font=font, fill=s.theme.ink)
        y += row_h
        row += 1
    for x in edges:
        s.draw.line((x, top, x, y), fill=s.theme.line)
    if chance(rng, 0.5):
        i, j = int(rng.integers(len(edges) - 1)), int(rng.integers(1, max(2, row)))
        s.draw.rectangle((edges[i], top + j * row_h, edges[i + 1], top + (j + 1) * row_h), outline=s.theme.accent, width=2)
    s.draw.rectangle((0, s.h - s.unit * 1.6, s.w, s.h), fill=s.theme.panel)
    s.say(s.unit * 2, s.h - s.unit * 1.4, 3, 0.85)
    return s.done()


def dashboard(rng: np.random.Generator) -> Image.Image:
    """A dashboard: a side bar, figures in cards, small charts, lists."""
    s = Screen(rng)
    side = s.w * rng.uniform(0.05, 0.2)
    s.draw.rectangle((0, 0, side, s.h), fill=pick(rng, (s.theme.panel, s.theme.accent, (28, 32, 44))))
    s.icons(s.unit * 1.3, s.unit * 2, int(s.h / (s.unit * 3)), s.unit * 2.4, down=True)
    s.draw.rectangle((side, 0, s.w, s.unit * 2.4), fill=s.theme.panel)
    s.say(side + s.unit, s.unit * 0.6, 3, 1.1, style="bold")
    columns, rows = int(rng.integers(2, 5)), int(rng.integers(2, 4))
    cell_w, cell_h = (s.w - side - s.unit) / columns, (s.h - s.unit * 3) / rows
    for i in range(columns):
        for j in range(rows):
            x0, y0 = side + s.unit * 0.5 + i * cell_w, s.unit * 3 + j * cell_h
            x1, y1 = x0 + cell_w - s.unit * 0.5, y0 + cell_h - s.unit * 0.5
            s.draw.rounded_rectangle((x0, y0, x1, y1), radius=s.theme.radius, fill=s.theme.panel, outline=s.theme.line)
            s.say(x0 + s.unit * 0.5, y0 + s.unit * 0.3, 2, 0.85, s.theme.faint, width=cell_w - s.unit * 2)
            card(rng, s, x0 + s.unit * 0.6, y0 + s.unit * 1.7, x1 - s.unit * 0.6, y1 - s.unit * 0.6)
    return s.done()


def card(rng: np.random.Generator, s: Screen, x0: float, y0: float, x1: float, y1: float) -> None:
    """Fills a card of a dashboard: a figure, a curve, bars, a ring, or a list."""
    sort, n = int(rng.integers(5)), int(rng.integers(5, 24))
    if x1 - x0 < 8 or y1 - y0 < 8:
        return
    if sort == 0:
        s.draw.text((x0, y0), text.number(rng), font=text.font(rng, "bold", min(y1 - y0, s.unit * 2.6)), fill=s.theme.ink)
    elif sort == 1:
        walk = np.cumsum(rng.normal(0, 1, n))
        walk = (walk - walk.min()) / (np.ptp(walk) + 1e-6)
        s.draw.line([(x0 + (x1 - x0) * i / (n - 1), y1 - v * (y1 - y0)) for i, v in enumerate(walk.tolist())], fill=s.theme.accent, width=2)
    elif sort == 2:
        for i, v in enumerate(rng.random(n).tolist()):
            wide = (x1 - x0) / n
            s.draw.rectangle((x0 + i * wide, y1 - v * (y1 - y0), x0 + (i + 0.7) * wide, y1), fill=s.theme.accent)
    elif sort == 3:
        r, cx, cy = min(x1 - x0, y1 - y0) / 2, (x0 + x1) / 2, (y0 + y1) / 2
        s.draw.ellipse((cx - r, cy - r, cx + r, cy + r), outline=s.theme.line, width=max(2, int(r * 0.3)))
        s.draw.arc((cx - r, cy - r, cx + r, cy + r), 0, float(rng.uniform(60, 330)), fill=s.theme.accent, width=max(2, int(r * 0.3)))
    else:
        y = y0
        while y + s.unit < y1:
            s.say(x0, y, 2, 0.85, width=(x1 - x0) * 0.6)
            s.say(x1 - s.unit * 3, y, 1, 0.85, s.theme.faint, width=s.unit * 3)
            y += s.unit * 1.4


def player(rng: np.random.Generator) -> Image.Image:
    """A film or a photo in its program: the picture with a bar of controls, a list or thumbnails beside it."""
    s = Screen(rng, (*WIDE, *WIDE, 0.5), dark=chance(rng, 0.7))
    top, foot = s.unit * rng.uniform(1.5, 3.5), s.unit * rng.uniform(2, 4)
    side = s.w * rng.uniform(0.15, 0.32) if chance(rng, 0.5) and s.w > s.h else 0
    tall = s.h - top - foot if s.w > s.h else s.w * 0.6
    s.picture(0, top, s.w - side, tall)
    s.draw.rectangle((0, 0, s.w, top), fill=s.theme.panel)
    s.say(s.unit, top * 0.25, 3, 1)
    s.icons(s.w - s.unit * 6, top / 2, 3, s.unit * 2)
    y = top + tall
    s.draw.rectangle((0, y, s.w - side, y + 3), fill=s.theme.line)
    s.draw.rectangle((0, y, (s.w - side) * rng.random(), y + 3), fill=(230, 40, 40))
    s.icons(s.unit * 1.5, y + s.unit * 1.4, 4, s.unit * 2)
    s.say(s.unit * 10, y + s.unit * 0.9, 2, 0.9, width=s.w * 0.3)
    if side:
        s.draw.rectangle((s.w - side, top, s.w, s.h), fill=s.theme.back)
        y = top + 4
        while y + s.unit * 4 < s.h:
            s.picture(s.w - side + 4, y, side * 0.42, s.unit * 3.6)
            s.passage(s.w - side + side * 0.48, y, side * 0.5, y + s.unit * 3, 0.75)
            y += s.unit * 4.2
    elif s.w < s.h:
        s.passage(s.unit, y + s.unit * 4, s.w - 2 * s.unit, s.h)
    return s.done()


def gallery(rng: np.random.Generator) -> Image.Image:
    """Thumbnails in rows in a file or photo program, or in a shop."""
    s = Screen(rng)
    side = s.w * rng.uniform(0.1, 0.2) if chance(rng, 0.5) else 0
    top = s.unit * rng.uniform(2, 4)
    s.draw.rectangle((0, 0, s.w, top), fill=s.theme.panel)
    s.field(s.w * 0.35, (top - s.unit * 1.8) / 2, s.w * 0.3)
    s.icons(s.unit * 1.3, top / 2, 3, s.unit * 2)
    for i in range(int((s.h - top) / (s.unit * 1.8)) if side else 0):
        s.say(s.unit, top + s.unit * (0.6 + 1.8 * i), 1, 0.9, width=side - s.unit * 2)
    columns = int(rng.integers(3, 7))
    cell = (s.w - side) / columns
    thumbs = [photo.subject(rng), photo.texture_close_up(rng), photo.landscape(rng), graphic.icon(rng)]
    y = top + 4
    while y < s.h:
        for i in range(columns):
            thumb = pick(rng, thumbs).resize((int(cell * 0.88), int(cell * 0.7)), Image.Resampling.BILINEAR)
            s.image.paste(thumb, (int(side + i * cell + cell * 0.06), int(y)))
            s.say(side + i * cell + cell * 0.06, y + cell * 0.73, 1, 0.8, width=cell * 0.8)
        y += cell * 0.73 + s.unit * 1.8
    return s.done()


def office(rng: np.random.Generator) -> Image.Image:
    """A word processor or mail program: ribbons and bars around a page, or a list beside a message."""
    s = Screen(rng)
    top = s.unit * rng.uniform(3, 6)
    s.draw.rectangle((0, 0, s.w, top), fill=s.theme.panel)
    s.draw.rectangle((0, 0, s.w, s.unit * 1.4), fill=s.theme.accent)
    s.icons(s.unit * 1.5, top - s.unit * 1.2, int(s.w / (s.unit * 2.6)), s.unit * 2.3)
    if chance(rng, 0.5):
        s.draw.rectangle((0, top, s.w, s.h), fill=s.theme.line)
        margin = s.w * rng.uniform(0.1, 0.25)
        s.draw.rectangle((margin, top + s.unit, s.w - margin, s.h), fill=(255, 255, 255))
        s.passage(margin + s.unit * 3, top + s.unit * 3, s.w - 2 * margin - s.unit * 6, s.h, 0.9, (30, 30, 30))
    else:
        side, y = s.w * rng.uniform(0.25, 0.4), top
        while y + s.unit * 3 < s.h:
            if chance(rng, 0.1):
                s.draw.rectangle((0, y, side, y + s.unit * 3), fill=s.theme.line)
            s.say(s.unit, y + 3, 2, 0.95, style="bold", width=side - s.unit * 2)
            s.say(s.unit, y + s.unit * 1.5, 5, 0.8, s.theme.faint, width=side - s.unit * 2)
            y += s.unit * 3
            s.draw.line((0, y, side, y), fill=s.theme.line)
        s.draw.line((side, top, side, s.h), fill=s.theme.line)
        s.say(side + s.unit * 2, top + s.unit, 4, 1.4, style="bold", width=s.w - side - s.unit * 4)
        s.passage(side + s.unit * 2, top + s.unit * 4, s.w - side - s.unit * 4, s.h * rng.uniform(0.5, 1))
    return s.done()


def plot(rng: np.random.Generator, s: Screen, x0: float, y0: float, x1: float, y1: float) -> None:
    """Draws a chart or a drawing into a part of the screen: one of the graphics, pasted, or curves, bars and points on a grid in the screen's own colours."""
    w, h = int(x1 - x0), int(y1 - y0)
    if w < 16 or h < 16:
        return
    if chance(rng, 0.5):
        shown = pick(rng, (graphic.bar_chart, graphic.line_chart, graphic.scatter_plot, graphic.diagram, graphic.street_map))(rng)
        s.image.paste(shown.resize((w, h), Image.Resampling.BILINEAR), (int(x0), int(y0)))
        return
    for i in range(1, 5):
        s.draw.line((x0, y0 + h * i / 5, x1, y0 + h * i / 5), fill=s.theme.line)
    s.draw.line((x0, y0, x0, y1, x1, y1), fill=s.theme.faint)
    n, sort = int(rng.integers(8, 90)), int(rng.integers(4))
    for _ in range(int(rng.integers(1, 4))):
        colour = pick(rng, (s.theme.accent, rgb(any_colour(rng, True))))
        walk = np.cumsum(rng.normal(0, 1, n))
        walk = (walk - walk.min()) / (np.ptp(walk) + 1e-6) * rng.uniform(0.3, 0.95)
        points = [(x0 + w * i / n, y1 - v * h) for i, v in enumerate(walk.tolist())]
        if sort == 0:
            s.draw.line(points, fill=colour, width=int(rng.integers(1, 4)))
        elif sort == 1:
            s.draw.polygon([(x0, y1), *points, (points[-1][0], y1)], fill=colour)
        elif sort == 2:
            for x, y in points:
                s.draw.rectangle((x, min(y, y1 - 1), x + w / n * 0.6, y1), fill=colour)
        else:
            for x, y in points:
                up = chance(rng, 0.5)
                s.draw.rectangle((x, y - h * 0.04, x + w / n * 0.6, y + h * rng.uniform(0, 0.12)), fill=(40, 170, 120) if up else (220, 70, 70))


def notebook(rng: np.random.Generator) -> Image.Image:
    """A notebook of code and results in a browser or an editor: cells of code, and below them tables and charts."""
    s = Screen(rng, (*WIDE, 1, 0.8), dark=chance(rng, 0.35))
    s.draw.rectangle((0, 0, s.w, s.unit * 3.4), fill=s.theme.panel)
    s.say(s.unit, s.unit * 0.3, 2, 1.1)
    s.icons(s.unit * 1.3, s.unit * 2.5, int(rng.integers(6, 14)), s.unit * 1.9)
    font, y, margin = text.font(rng, "mono", s.unit * 0.85), s.unit * 4.2, s.unit * rng.uniform(2, 6)
    colours = [s.theme.ink, s.theme.ink, s.theme.accent, rgb(hsv(rng.random(), 0.6, 0.6))]
    while y < s.h - s.unit * 2:
        tall = s.unit * rng.uniform(2, 7)
        s.draw.text((4, y + 2), f"[{int(rng.integers(1, 99))}]:", font=font, fill=s.theme.faint)
        s.draw.rectangle((margin, y, s.w - s.unit, y + tall), fill=s.theme.panel, outline=s.theme.line)
        code_lines(rng, s, margin + s.unit * 0.5, y + 3, s.w - margin - s.unit * 3, y + tall, font, colours)
        y += tall + s.unit * 0.5
        if chance(rng, 0.6):
            tall = min(s.h * rng.uniform(0.25, 0.5), s.h - y)
            plot(rng, s, margin + s.unit, y, margin + s.unit + (s.w - margin) * rng.uniform(0.4, 0.85), y + tall)
            y += tall + s.unit
    return s.done()


def workbench(rng: np.random.Generator) -> Image.Image:
    """A program to draw, plan, measure or trade in: menus and tools around a large canvas with a chart, a drawing or a map on it."""
    s = Screen(rng)
    top, left, right, foot = s.unit * rng.uniform(2, 5), s.unit * rng.uniform(0, 3), s.w * pick(rng, (0, 0.15, 0.25)), s.unit * pick(rng, (0, 1.6, 6))
    for i in range(int(rng.integers(4, 10))):
        s.say(s.unit * (0.7 + 4 * i), s.unit * 0.2, 1, 0.85, width=s.unit * 3.5)
    s.draw.rectangle((0, s.unit * 1.5, s.w, top), fill=s.theme.panel)
    s.icons(s.unit * 1.3, (s.unit * 1.5 + top) / 2, int(s.w / (s.unit * rng.uniform(2, 5))), s.unit * 2)
    if left > s.unit:
        s.draw.rectangle((0, top, left, s.h), fill=s.theme.panel)
        s.icons(left / 2, top + s.unit, int((s.h - top) / (s.unit * 2)), s.unit * 1.8, down=True)
    s.draw.rectangle((left, top, s.w - right, s.h - foot), fill=pick(rng, (s.theme.back, s.theme.line, (255, 255, 255))))
    inset = s.unit * rng.uniform(0, 3)
    plot(rng, s, left + inset, top + inset, s.w - right - inset, s.h - foot - inset)
    if right:
        s.draw.rectangle((s.w - right, top, s.w, s.h), fill=s.theme.panel)
        y = top + s.unit
        while y < s.h - s.unit * 2:
            s.say(s.w - right + s.unit * 0.6, y, 2, 0.85, width=right * 0.5)
            pick(rng, (s.field, s.button))(s.w - right * 0.45, y - 2, right * 0.4) if chance(rng, 0.4) else s.say(s.w - right * 0.4, y, 1, 0.85, s.theme.faint, width=right * 0.35)
            y += s.unit * rng.uniform(1.5, 2.6)
    if foot:
        s.draw.rectangle((0, s.h - foot, s.w, s.h), fill=s.theme.panel, outline=s.theme.line)
        y = s.h - foot + 2
        while y + s.unit < s.h:
            for i in range(5):
                s.say(s.w * (0.02 + 0.19 * i), y, 1, 0.8, pick(rng, (s.theme.ink, s.theme.faint)), width=s.w * 0.15)
            y += s.unit * 1.3
    return s.done()


def map_app(rng: np.random.Generator) -> Image.Image:
    """A map on a screen, with a search field, buttons that float on it, and a list of places or a route beside or below it."""
    s = Screen(rng, (*WIDE, *TALL, 1))
    shown = pick(rng, (graphic.street_map, graphic.street_map, graphic.country_map))(rng)
    s.image.paste(shown.resize((s.w, s.h), Image.Resampling.BILINEAR))
    if s.w > s.h and chance(rng, 0.7):
        side = s.w * rng.uniform(0.2, 0.36)
        s.draw.rectangle((0, 0, side, s.h), fill=s.theme.back)
        s.field(s.unit, s.unit, side - 2 * s.unit)
        y = s.unit * 4
        while y + s.unit * 3 < s.h:
            s.icons(s.unit * 1.4, y + s.unit, 1, 1)
            s.say(s.unit * 2.6, y, 2, 1, style="bold", width=side - s.unit * 4)
            s.say(s.unit * 2.6, y + s.unit * 1.3, 3, 0.8, s.theme.faint, width=side - s.unit * 4)
            y += s.unit * 3.2
    else:
        s.field(s.unit, s.unit, min(s.w - 2 * s.unit, s.unit * 24))
        y = s.h * rng.uniform(0.6, 0.85)
        s.draw.rounded_rectangle((0, y, s.w, s.h + 20), radius=s.theme.radius + 4, fill=s.theme.back)
        s.say(s.unit, y + s.unit, 3, 1.3, style="bold", width=s.w - s.unit * 2)
        s.passage(s.unit, y + s.unit * 3, s.w - s.unit * 2, s.h, 0.85, s.theme.faint)
    for i in range(int(rng.integers(1, 5))):
        x, y = s.w - s.unit * 3, s.h * 0.15 + i * s.unit * 2.8
        s.draw.rounded_rectangle((x, y, x + s.unit * 2.2, y + s.unit * 2.2), radius=4, fill=s.theme.back, outline=s.theme.line)
        s.icons(x + s.unit * 1.1, y + s.unit * 1.1, 1, 1)
    return s.done()


def monitor_wall(rng: np.random.Generator) -> Image.Image:
    """Measurements of machines over time: unequal panes with curves close together, each with a title and a legend, below a bar with a time range."""
    s = Screen(rng, (*WIDE, 1.2), dark=chance(rng, 0.75))
    bar = s.unit * rng.uniform(1.5, 3)
    s.draw.rectangle((0, 0, s.w, bar), fill=s.theme.panel)
    s.say(s.unit, bar * 0.2, 3, 1)
    s.button(s.w - s.unit * 9, max(0, bar / 2 - s.unit * 0.9), s.unit * 8)
    y = bar + 3
    while y < s.h:
        tall, x = s.h * rng.uniform(0.15, 0.45), 3.0
        while x < s.w - s.unit * 3:
            wide = min(s.w * pick(rng, (0.2, 0.25, 0.33, 0.5, 0.66)), s.w - x)
            s.draw.rectangle((x, y, x + wide - 4, y + tall - 4), fill=s.theme.panel if chance(rng, 0.8) else s.theme.back, outline=s.theme.line)
            s.say(x + 5, y + 2, 2, 0.75, width=wide - 12)
            plot(rng, s, x + s.unit, y + s.unit * 1.5, x + wide - s.unit, y + tall - s.unit * 1.8)
            for i in range(3):
                s.say(x + s.unit * (1 + 5 * i), y + tall - s.unit * 1.5, 1, 0.65, s.theme.faint, width=min(wide - s.unit * (2 + 5 * i), s.unit * 5)) if wide > s.unit * (4 + 5 * i) else None
            x += wide
        y += tall
    return s.done()


HELD_OUT = frozenset({"chat", "dashboard"})

RECIPES = {
    recipe.__name__: balanced(recipe)
    for recipe in (
        chat, dashboard, desktop, dialog, editor, gallery, home_screen, map_app, mobile_app, monitor_wall, notebook, office, player,
        spreadsheet, terminal, web_page, workbench,
    )
}  # fmt: skip
