"""PDFs that go round in circles, swell, or claim what is not so."""

import zlib
from collections.abc import Iterator
from functools import partial

from tests.hostile.parts import CATALOG, HELVETICA, PAGES, TEXT, Hostile, page, page_objects, pdf, stream
from tests.hostile.seeds import right_to_left

MIB = 1 << 20


def hostile_pdfs() -> Iterator[Hostile]:
    made = {
        "kids-of-itself": lambda: pdf(CATALOG, b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>"),
        "kids-in-a-circle": lambda: pdf(
            CATALOG,
            b"<</Type/Pages/Kids[3 0 R]/Count 9>>",
            b"<</Type/Pages/Parent 2 0 R/Kids[4 0 R 4 0 R]/Count 9>>",
            b"<</Type/Pages/Parent 3 0 R/Kids[2 0 R 3 0 R]/Count 9>>",
        ),
        "tree-of-doubles": _doubling_pages,
        "many-pages-claimed": lambda: _claiming(b"1000000000"),
        "negative-count": lambda: _claiming(b"-5"),
        "huge-count": lambda: _claiming(b"9" * 400),
        "length-of-itself": lambda: pdf(
            *page_objects()[:3], b"<</Length 4 0 R>>\nstream\n%b\nendstream" % TEXT, HELVETICA
        ),
        "reference-circle": lambda: pdf(CATALOG, PAGES, b"4 0 R", b"5 0 R", b"3 0 R"),
        "contents-in-a-circle": lambda: pdf(*page_objects()[:3], b"[4 0 R 4 0 R 4 0 R]", HELVETICA),
        "trailer-of-itself": lambda: pdf(*page_objects(), trailer=b"/Root 1 0 R /Prev 9"),
        "previous-tables-in-a-circle": _previous_circle,
        "objects-within-themselves": lambda: pdf(
            *page_objects(), stream(b"1 0 6 0 <<>> <<>>", b"/Type/ObjStm/N 2/First 8/Extends 6 0 R")
        ),
        "deflate-bomb": partial(_bomb, 1, b"/FlateDecode"),
        "deflate-bomb-packed-twice": partial(_bomb, 2, b"[/FlateDecode/FlateDecode]"),
        "deflate-bomb-packed-thrice": partial(_bomb, 3, b"[/FlateDecode/FlateDecode/FlateDecode]"),
        "deflate-bomb-of-text": partial(_text_bomb, 32),
        "a-million-texts": lambda: page(b"BT /F1 9 Tf " + b"(a) Tj " * 300_000 + b"ET"),
        "right-to-left-crowd": _crowd,
        "right-to-left-scattered": _scattered,
        "filters-without-end": lambda: page(
            zlib.compress(TEXT), stream_entries=b"/Filter[%b]" % (b"/FlateDecode" * 2000)
        ),
        "run-length-bomb": lambda: page(b"\x81 " * MIB + b"\x80", stream_entries=b"/Filter/RunLengthDecode"),
        "ascii-85-run": lambda: page(b"z" * (2 * MIB) + b"~>", stream_entries=b"/Filter/ASCII85Decode"),
        "lzw-bomb": lambda: page(
            zlib.compress(_lzw_run()), stream_entries=b"/Filter[/FlateDecode/LZWDecode]"
        ),
        "predictor-of-a-billion": lambda: page(
            zlib.compress(b"\x02" * 4096),
            stream_entries=b"/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns 1000000000/Colors 32>>",
        ),
        "huge-media-box": lambda: page(entries=b"|/MediaBox[0 0 1e30 1e30]"),
        "media-box-of-nothing": lambda: page(entries=b"|/MediaBox[0 0 0 0]"),
        "media-box-turned": lambda: page(entries=b"|/MediaBox[900 900 -900 -900]/Rotate 12345/UserUnit 1e9"),
        "deep-dictionaries": lambda: page(more=b"<</A " * 100_000 + b">>" * 100_000),
        "deep-arrays": lambda: page(more=b"[" * 500_000 + b"]" * 500_000),
        "deep-catalog": lambda: pdf(
            b"<</Type/Catalog/Pages 2 0 R/X %b%b>>" % (b"[" * 200_000, b"]" * 200_000)
        ),
        "deep-content": lambda: page(b"[" * 300_000 + TEXT),
        "states-saved-without-end": lambda: page(b"q " * 500_000 + TEXT),
        "marks-without-end": lambda: page(b"/Span<</ActualText(x)>>BDC " * 20_000 + TEXT),
        "form-of-itself": partial(_form, b"/X Do /X Do"),
        "forms-doubling": _doubling_forms,
        "pattern-of-itself": lambda: page(
            b"/Pattern cs /P scn 0 0 500 500 re f " + TEXT,
            entries=b"/Pattern<</P 6 0 R>>",
            more=stream(
                b"/Pattern cs /P scn 0 0 9 9 re f",
                b"/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 1 1]/XStep 0.0001/YStep 0.0001"
                b"/Resources<</Pattern<</P 6 0 R>>>>",
            ),
        ),
        "type-3-of-itself": _type_3,
        "script-and-launch": lambda: pdf(
            b"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(while\\(1\\){})>>"
            b"/AA<</WC<</S/Launch/F(/bin/sh)>>>>/URI<</Base(file:///etc/passwd)>>>>",
            *page_objects()[1:],
        ),
        "external-stream": lambda: page(stream_entries=b"/F(/etc/passwd)/FFilter/FlateDecode"),
        "broken-font-program": partial(
            _font, b"\x00\x01\x00\x00" + b"\xff" * 5000, b"TrueType", b"/FontFile2"
        ),
        "broken-type-1": partial(_font, b"%!PS-AdobeFont\n" + b"dup 0 {" * 5000, b"Type1", b"/FontFile"),
        "broken-cff": partial(_font, b"\x01\x00\x04\x04" + b"\xff\xff" * 5000, b"Type1", b"/FontFile3"),
        "map-of-a-billion-letters": lambda: _mapped(
            b"1 beginbfrange\n<0000> <ffffffff> <0041>\nendbfrange " * 300
        ),
        "map-to-a-long-text": lambda: _mapped(b"1 beginbfchar\n<54> <%b>\nendbfchar" % (b"0041" * 200_000)),
        "map-of-itself": lambda: _mapped(b"/M usecmap " * 50_000),
        "jbig2-broken": partial(_image, b"\x00\x00\x00\x00\x30\x00\x01" + b"\xff" * 64, b"/JBIG2Decode"),
        "jpeg-2000-broken": partial(_image, b"\x00\x00\x00\x0cjP  \r\n\x87\n" + b"\xff" * 64, b"/JPXDecode"),
        "fax-of-a-billion-rows": partial(_image, b"\x00\x01" * 99, b"/CCITTFaxDecode"),
        "image-of-a-billion-pixels": partial(_image, zlib.compress(b"\0" * MIB), b"/FlateDecode"),
        "no-end": lambda: page()[:-200],
        "only-a-head": lambda: b"%PDF-1.7\n" + b"1 0 obj<<" * 100_000,
        "a-head-and-noise": lambda: b"%PDF-1.4\n" + bytes(range(256)) * 4000,
        "objects-without-number": lambda: b"%PDF-1.4\n" + b"obj endobj " * 200_000,
        "xref-of-a-billion": lambda: page().replace(b"xref\n0 6", b"xref\n0 999999999"),
        "xref-stream-of-itself": lambda: _xref_stream(b"/Prev 15 /W[8 8 8]/Index[0 999999999]"),
        "encrypted-oddly": lambda: pdf(
            *page_objects(),
            trailer=b"/Root 1 0 R/Encrypt<</Filter/Standard/V 5/R 6/Length 99999/O()/U()/P -1>>",
        ),
        "names-in-a-circle": lambda: pdf(
            b"<</Type/Catalog/Pages 2 0 R/Names<</Dests<</Kids[6 0 R]>>>>/Outlines 6 0 R>>",
            *page_objects()[1:],
            b"<</Kids[6 0 R]/First 6 0 R/Next 6 0 R/Last 6 0 R/Count 99>>",
        ),
        "title-without-end": lambda: pdf(
            *page_objects(), b"<</Title(%b)>>" % (b"a" * MIB), trailer=b"/Root 1 0 R/Info 6 0 R"
        ),
        "numbers-without-end": lambda: page(b"1" * 500_000 + b" " + TEXT),
        "text-far-away": lambda: page(b"BT /F1 1e38 Tf 1e38 0 0 1e38 1e38 -1e38 Tm (far) Tj ET " * 500),
        "thousand-blank-pages": partial(_many_pages, 3000),
        "more-pages-than-allowed": partial(_many_pages, 5001),
    }
    for name, content in made.items():
        yield Hostile(f"{name}.pdf", content)


def _claiming(count: bytes) -> bytes:
    objects = page_objects()
    objects[1] = b"<</Type/Pages/Kids[3 0 R]/Count %b>>" % count
    return pdf(*objects)


def _doubling_pages() -> bytes:
    """Each node has the next twice: 2^40 pages."""
    nodes = [b"<</Type/Pages/Count 1099511627776/Kids[%d 0 R %d 0 R]>>" % (n, n) for n in range(3, 43)]
    return pdf(CATALOG, *nodes, b"<</Type/Page/MediaBox[0 0 9 9]>>")


def _previous_circle() -> bytes:
    content = page()
    start = content.rindex(b"xref\n0")
    return content.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev %d" % start)


def _packed(times: int) -> bytes:
    content = b" " * (64 * MIB)
    for _ in range(times):
        content = zlib.compress(content, 9)
    return content


def _bomb(times: int, filters: bytes) -> bytes:
    return page(_packed(times), stream_entries=b"/Filter%b" % filters)


def _text_bomb(mib: int) -> bytes:
    text = b"(ferry) Tj 1 1 Td " * (mib * MIB // 18)
    return page(zlib.compress(b"BT /F1 9 Tf " + text + b"ET", 9), stream_entries=b"/Filter/FlateDecode")


def _with_content(content: bytes) -> bytes:
    """The right-to-left page with other content."""
    made = right_to_left()
    start = made.index(b"stream\n", made.index(b"4 0 obj")) + 7
    end = made.index(b"\nendstream", start)
    packed = zlib.compress(content, 9)
    head = made[:start].replace(b"/Length %d" % (end - start), b"/Filter/FlateDecode/Length %d" % len(packed))
    return head + packed + made[end:]


def _crowd() -> bytes:
    """A hundred thousand letters on one spot."""
    return _with_content(b"BT /F1 9 Tf 99 99 Td " + b"(A) Tj -6 0 Td " * 100_000 + b"ET")


def _scattered() -> bytes:
    """Each letter on a line of its own, in no order."""
    places = (b"1 0 0 1 %d %d Tm (AB) Tj " % (n * 7919 % 590, n * 104_729 % 840) for n in range(40_000))
    return _with_content(b"BT /F1 1 Tf " + b"".join(places) + b"ET")


def _lzw_run() -> bytes:
    """Codes of nine bits, again and again: clear, a letter, and the code that means the letter and itself."""
    bits = "".join(f"{code:09b}" for code in (256, 65, *range(258, 500))) * 2000
    return int(bits, 2).to_bytes((len(bits) + 7) // 8, "big")


def _form(content: bytes) -> bytes:
    form = stream(content, b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 6 0 R>>>>")
    return page(b"/X Do " + TEXT, entries=b"/XObject<</X 6 0 R>>", more=form)


def _doubling_forms() -> bytes:
    """Each form draws the next twice."""
    head = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X %d 0 R>>>>"
    forms = [stream(b"/X Do /X Do", head % number) for number in range(7, 37)]
    return pdf(
        *page_objects(b"/X Do " + TEXT, entries=b"/XObject<</X 6 0 R>>"), *forms, stream(TEXT, head % 6)
    )


def _type_3() -> bytes:
    objects = page_objects()
    objects[4] = (
        b"<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/FirstChar 84"
        b"/LastChar 84/Widths[9]/Encoding<</Differences[84/a]>>"
        b"/CharProcs<</a 6 0 R>>/Resources<</Font<</F1 5 0 R>>>>>>"
    )
    return pdf(*objects, stream(b"9 0 d0 BT /F1 1 Tf (T) Tj ET"))


def _font(program: bytes, subtype: bytes, key: bytes) -> bytes:
    objects = page_objects()
    objects[4] = (
        b"<</Type/Font/Subtype/%b/BaseFont/X/FirstChar 0/LastChar 255/FontDescriptor<</Type/FontDescriptor"
        b"/FontName/X/Flags 4%b 6 0 R>>>>" % (subtype, key)
    )
    return pdf(*objects, stream(program))


def _mapped(entries: bytes) -> bytes:
    objects = page_objects()
    objects[4] = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R>>"
    return pdf(*objects, stream(b"/CIDInit begincmap /CMapName /M def " + entries + b" endcmap"))


def _image(content: bytes, decode: bytes) -> bytes:
    image = stream(
        content,
        b"/Type/XObject/Subtype/Image/Width 65000/Height 65000/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter"
        + decode,
    )
    return page(b"500 0 0 700 0 0 cm /I Do", entries=b"/XObject<</I 6 0 R>>", more=image)


def _xref_stream(entries: bytes) -> bytes:
    body = (
        b"%PDF-1.5\n" + b"6 0 obj\n" + stream(b"\0" * 48, b"/Type/XRef/Size 999999999/Root 1 0 R" + entries)
    )
    return body + b"\nendobj\nstartxref\n9\n%%EOF"


def _many_pages(count: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % number for number in range(3, count + 3))
    one = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"
    return pdf(CATALOG, b"<</Type/Pages/Kids[%b]/Count %d>>" % (kids, count), *[one] * count)
