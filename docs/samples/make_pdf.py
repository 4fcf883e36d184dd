"""Writes handbook-en.pdf, the English sample document: three pages, the same bytes on every run.

Run: python docs/samples/make_pdf.py (needs reportlab).
"""

from pathlib import Path

from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Frame, PageBreak, PageTemplate, Paragraph, Spacer

TITLE = "Alborz Station: Members' Handbook"

# One list a page; "# " starts a heading.
PAGES = [
    [
        "# The station",
        "Alborz Station is a cooperative of mountain rescuers and bird wardens. It was founded on 14 May "
        "1987 by nine climbers and one schoolteacher. The station stands at 2,140 metres above the sea, "
        "on the south side of the Kolakchal ridge. It has 46 members. The chair of the station is Leyla "
        "Farrokh, who was elected in 2021 and again in 2024.",
        "The station has two teams. The rescue team works in the mountains all year. The bird team looks "
        "after the sanctuary, which is open to visitors from April to October. Every member belongs to "
        "one team, and may help the other.",
        "# Becoming a member",
        "A new member must be at least 18 years old and must know how to swim. The trial period lasts six"
        " months. The yearly fee is 40 euros, and students pay 15 euros. Fees are due on the first day of"
        " March. A member who misses three meetings in a row loses the right to vote until the next "
        "spring.",
        "Members meet on the second Tuesday of every month at 18:30 in the old tea house. Minutes are "
        "kept by the secretary, Daniel Okafor. A decision needs the votes of two thirds of the members "
        "who are present.",
    ],
    [
        "# The rescue team",
        "The rescue team has 18 members. The leader of the rescue team is Mina Sattari. When the alarm "
        "sounds, the first group must leave the station within 25 minutes. The first group always has "
        "four people: a leader, a medic, a rope specialist and a driver.",
        "The team talks on radio channel 7. The emergency telephone number of the station is 555 0142. It"
        " is answered day and night. In 2024 the team went out 63 times and brought 58 people down alive."
        " The longest rescue of that year lasted 31 hours.",
        "# Weather rules",
        "The cable car stops when the wind is stronger than 70 kilometres per hour. Nobody may cross the "
        "north gully when the avalanche level is 4 or higher. After heavy snow the team waits for 48 "
        "hours before it opens the ridge path.",
        "# Equipment",
        "The equipment hut holds 12 stretchers, 30 helmets and 900 metres of rope. The code of the hut is"
        " changed on the first Monday of each month. Ropes are thrown away after five years, even when "
        "they look new. The rescue dog of the station is called Barfi. She is a Bernese mountain dog, "
        "born in 2020.",
    ],
    [
        "# The bird sanctuary",
        "The sanctuary covers 312 hectares of forest and cliffs. Wardens have counted 94 species of birds"
        " there. The sign of the sanctuary is the bearded vulture. In 2024 six pairs of golden eagles "
        "raised young in the sanctuary, two pairs more than in 2023.",
        "The cliffs are closed to climbers from 1 March to 30 June, because eagles nest there. Drones are"
        " forbidden all year. A warden may ask any visitor to leave.",
        "# Ringing",
        "Birds are ringed in September only. Each ring carries the letters ALB and five digits. The "
        "ringing hut opens at 05:45. Doctor Samuel Reyes has led the ringing since 2009. A bird that was "
        "ringed here in 2016 was found 4,300 kilometres away, near Lake Victoria.",
        "# The hospital",
        "The bird hospital has 22 cages and one nurse, Parisa Amini. In 2024 it took in 210 hurt birds "
        "and set 147 of them free. Most of them had flown into windows.",
    ],
]


def footer(canvas: Canvas, document: BaseDocTemplate) -> None:
    canvas.setFont("Helvetica", 9)
    canvas.drawString(25 * mm, 15 * mm, TITLE)
    canvas.drawRightString(A4[0] - 25 * mm, 15 * mm, f"Page {document.page}")


def write(path: Path) -> None:
    head = ParagraphStyle(
        "head", fontName="Helvetica-Bold", fontSize=14, leading=18, spaceBefore=12, spaceAfter=5
    )
    body = ParagraphStyle(
        "body", fontName="Times-Roman", fontSize=11.5, leading=16.5, spaceAfter=7, alignment=TA_LEFT
    )
    title = ParagraphStyle("title", parent=head, fontSize=22, leading=28, spaceAfter=14)
    story: list[object] = [Paragraph(TITLE, title), Spacer(1, 4 * mm)]
    for number, page in enumerate(PAGES):
        if number:
            story.append(PageBreak())
        story += [Paragraph(p.removeprefix("# "), head if p.startswith("# ") else body) for p in page]
    # invariant: no clock and no random id in the file.
    document = BaseDocTemplate(
        str(path), pagesize=A4, title=TITLE, author="Alborz Station", lang="en", invariant=1
    )
    frame = Frame(25 * mm, 25 * mm, A4[0] - 50 * mm, A4[1] - 50 * mm, 0, 0, 0, 0)
    document.addPageTemplates(
        PageTemplate(frames=[frame], onPageEnd=footer)
    )  # last on the page, as it is read
    document.build(story)


if __name__ == "__main__":
    write(Path(__file__).with_name("handbook-en.pdf"))
