"""A web page without what its readers do not see: text that is hidden from people must not be indexed."""

from typing import Any

from ingest.styles import WHITE, Colour, colour, declarations, hides, tiny

UNREAD = ("script", "style", "template")
STYLED = "//*[@style or @hidden or @aria-hidden or @color or self::dialog]"
FRAME = ("html", "body")  # hidden until a script has run, on pages that people do read


def drop_hidden(tree: Any) -> None:
    """Takes out of an lxml tree, in place: comments, scripts, templates, elements hidden by attribute or by
    inline style (not shown, off screen, too small or too faint to see, in the colour of their ground)."""
    from lxml import etree

    etree.strip_elements(tree, etree.Comment, etree.ProcessingInstruction, *UNREAD, with_tail=False)
    for element in tree.xpath(STYLED):
        if element.tag in FRAME or element.getparent() is None:
            continue
        if _hidden(element):
            _drop(element)
        elif _unreadable(element):
            _blank(element)


def _hidden(element: Any) -> bool:
    attributes = element.attrib
    if "hidden" in attributes or attributes.get("aria-hidden", "").strip().lower() == "true":
        return True
    if element.tag == "dialog" and "open" not in attributes:
        return True
    style = attributes.get("style")
    if not style:
        return False
    # Text of no size leaves descendants that set a size of their own to be read.
    return hides(style) and not (tiny(declarations(style)) and _sets(element, "font-size"))


def _unreadable(element: Any) -> bool:
    css = declarations(element.get("style", ""))
    if tiny(css):
        return True
    ink = colour(css.get("color") or element.get("color"))
    ground = _ground(element) if ink is not None else None
    return ink is not None and ground is not None and ink.looks_like(ground)


def _ground(element: Any) -> Colour | None:
    """The colour behind an element, by inline styles: white where none says; None where it is a picture."""
    while element is not None:
        css = declarations(element.get("style", ""))
        if (
            "background-image" in css
            or "url(" in css.get("background", "")
            or "gradient" in css.get("background", "")
        ):
            return None
        words = [css.get("background-color"), element.get("bgcolor"), *css.get("background", "").split()]
        known = next((found for word in words if (found := colour(word)) is not None), None)
        if known is not None:
            return known
        element = element.getparent()
    return WHITE


def _sets(element: Any, name: str) -> bool:
    """Whether a descendant sets a visible value of its own for a property."""
    for one in element.xpath(".//*[@style or @color]"):
        css = declarations(one.get("style", ""))
        if name in css and not tiny(css):
            return True
        if name == "color" and "color" in one.attrib:
            return True
    return False


def _blank(element: Any) -> None:
    """Takes out an element's own text, and the descendants that do not set themselves off from it."""
    css = declarations(element.get("style", ""))
    name = "font-size" if tiny(css) else "color"
    if not _sets(element, name):
        _drop(element)
        return
    element.text = None
    for child in list(element):
        child.tail = None
        if name not in declarations(child.get("style", "")) and not (
            name == "color" and "color" in child.attrib
        ):
            _blank_plain(child, name)


def _blank_plain(element: Any, name: str) -> None:
    element.text = None
    for child in element:
        child.tail = None
        if name not in declarations(child.get("style", "")):
            _blank_plain(child, name)


def _drop(element: Any) -> None:
    """Out of the tree; the text after it stays."""
    parent = element.getparent()
    if parent is None:
        return
    before = element.getprevious()
    if element.tail:
        if before is not None:
            before.tail = (before.tail or "") + element.tail
        else:
            parent.text = (parent.text or "") + element.tail
    parent.remove(element)
