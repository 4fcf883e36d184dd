"""A page of all that is awkward in right-to-left text, printed by a real browser."""

import subprocess

import pytest

from ingest.extract import Limits
from ingest.pdf import extract_pdf
from tests.acceptance.chat_page import CHROMIUM
from tests.support.left_out import leave_out

LIMITS = Limits(pages=10, chars=100_000, ocr=False)
STYLE = "<style>@page{size:A4;margin:15mm}body{font:12pt 'DejaVu Sans'}.two{columns:2;column-gap:8mm}</style>"
LINES = [
    "گزارش سالانهٔ کتابخانه (۱۴۰۳)",
    "این گزارش در تاریخ ۱۴۰۳/۰۵/۱۲ نوشته شد و عدد ۳٫۱۴ و ۱۲٬۵۰۰ ریال در آن آمده است.",
    "نشانی ما https://example.org/fa/page?id=12 است و تلفن ۰۲۱-۸۸۷۷۶۶۵۵ پاسخ می‌دهد.",
    "حدود ۴۵٪ از کاربران (یعنی 1,250 نفر) از نسخهٔ Windows 11 و iOS استفاده می‌کنند.",
    "نرم‌افزار «سیمرغ» [نسخهٔ 2.5.1] روی GPU اجرا می‌شود و مدل GPT-4 را با LoRA (rank=16) مقایسه می‌کند.",
    "دمای هوا -۵ درجه بود و قیمت 50% کاهش یافت.",
    "این خط با واژهٔ لاتین تمام می‌شود: Tesseract",
    "اَلْحَمْدُ لِلّٰهِ رَبِّ الْعَالَمِينَ، وَالسَّلَامُ عَلَيْكُمْ.",
    "שלום עולם, זהו מסמך בעברית עם המספר 2024 ועם המילה Python בתוכו.",
    "The Persian word کتاب means book, and سال means year.",
]
COLUMNS = [
    "ستون نخست این متن دربارهٔ پرنده‌شناسی است و می‌خواهد نشان دهد که واژه‌ها چگونه در دو ستون کنار هم "
    "می‌نشینند. پرندگان مهاجر هر سال در پاییز از شمال به جنوب می‌آیند و در تالاب‌های کنار دریا زمستان را "
    "می‌گذرانند تا بهار برسد و دوباره به خانه‌های خود بازگردند.",
    "در بخش دوم گفته می‌شود که نگهبانان تالاب هر ماه شمار پرندگان را ثبت می‌کنند و آن را در دفتر بزرگ "
    "می‌نویسند. سپس کارشناسان این شمار را با سال‌های گذشته می‌سنجند و گزارش کوتاهی برای مردم شهر آماده "
    "می‌کنند تا همه بدانند که وضع تالاب چگونه است و چه باید کرد.",
]
ROWS = [("نام", "سال", "مبلغ"), ("مریم احمدی", "۱۴۰۱", "۲۵۰٬۰۰۰"), ("علی رضایی", "۱۴۰۲", "۳۱۰٬۰۰۰")]
ITEMS = ["کتاب‌های تازه", "مجله‌های علمی و پژوهشی"]


def page(body: str) -> str:
    return f"<html><head><meta charset=utf-8>{STYLE}</head><body dir=rtl lang=fa>{body}</body></html>"


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines of the text that was read back."""
    if not CHROMIUM.exists():
        leave_out(f"{CHROMIUM} is not there (apt-get install chromium)")
    folder = tmp_path_factory.mktemp("printed")
    body = f"<h1>{LINES[0]}</h1>"
    body += "".join(f"<p dir={'ltr' if line.startswith('The') else 'rtl'}>{line}</p>" for line in LINES[1:])
    body += "<ul>" + "".join(f"<li>{item}</li>" for item in ITEMS) + "</ul><table border=1>"
    body += "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in ROWS)
    body += "</table><p style='break-after:page'></p><div class=two>"
    body += "".join(f"<p>{text}</p>" for text in COLUMNS) + "</div>"
    (folder / "page.html").write_text(page(body), encoding="utf-8")
    command = [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    command += [f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={folder / 'page.pdf'}"]
    subprocess.run([*command, (folder / "page.html").as_uri()], check=True, capture_output=True, timeout=120)
    found = extract_pdf((folder / "page.pdf").read_bytes(), LIMITS)
    assert found.page_starts is not None
    assert len(found.page_starts) == 2
    assert found.text[found.page_starts[1] :].startswith("ستون نخست")
    return found.text.split("\n")


@pytest.mark.browser
@pytest.mark.parametrize("text", [*LINES, *COLUMNS, *ITEMS, *(" ".join(row) for row in ROWS)])
def test_each_paragraph_reads_as_it_was_written(printed: list[str], text: str) -> None:
    assert text in printed
