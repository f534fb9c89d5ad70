import DocumentExtraction
import ExtractionWire
import Testing

/// What stands beside the running text of office documents, and how Word counts.
@Suite struct OfficeTests {
    private static let word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    private static let types = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"

    /// A part's relationships: ids, the last part of their types, and targets.
    private func relationships(_ part: String, _ all: [(String, String, String)]) -> ZipBuilder.Part {
        let cut = part.lastIndex(of: "/").map { part.index(after: $0) } ?? part.startIndex
        let entries = all.map { "<Relationship Id=\"\($0.0)\" Type=\"\(Self.types)\($0.1)\" Target=\"\($0.2)\"/>" }
        return ZipBuilder.Part(
            "\(part[..<cut])_rels/\(part[cut...]).rels",
            "<Relationships>\(entries.joined())</Relationships>"
        )
    }

    private func word(
        _ body: String,
        _ parts: [(id: String, type: String, name: String, text: String)] = []
    ) throws -> ExtractedDocument {
        let names = "xmlns:w=\"\(Self.word)\" xmlns:m=\"m\" xmlns:r=\"r\" xmlns:c=\"c\" xmlns:wp=\"wp\" xmlns:mc=\"mc\""
        let all = parts.map {
            ZipBuilder.Part(
                "word/\($0.name)",
                $0.text.replacing("<ROOT", with: "<root \(names)").replacing("</ROOT", with: "</root")
            )
        }
        return try read(
            ZipBuilder.zip(
                [
                    relationships("", [("r1", "officeDocument", "word/document.xml")]),
                    ZipBuilder.Part(
                        "[Content_Types].xml",
                        "<Types><Override PartName=\"/word/document.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml\"/></Types>"
                    ),
                    relationships("word/document.xml", parts.map { ($0.id, $0.type, $0.name) }),
                    ZipBuilder.Part("word/document.xml", "<w:document \(names)><w:body>\(body)</w:body></w:document>"),
                ] + all
            ),
            "a.docx"
        )
    }

    private func paragraph(_ text: String, _ properties: String = "") -> String {
        "<w:p><w:pPr>\(properties)</w:pPr>\(run(text))</w:p>"
    }

    private func run(_ text: String, _ properties: String = "") -> String {
        "<w:r><w:rPr>\(properties)</w:rPr><w:t xml:space=\"preserve\">\(text)</w:t></w:r>"
    }

    @Test func signsFormulasAndRaisedFiguresAreRead() throws {
        func sign(_ font: String, _ code: String) -> String {
            "<w:r><w:sym w:font=\"\(font)\" w:char=\"\(code)\"/></w:r>"
        }
        let fraction =
            "<m:oMath><m:f><m:fPr/><m:num><m:r><m:t>1</m:t></m:r></m:num><m:den><m:r><m:t>12</m:t></m:r></m:den></m:f></m:oMath>"
        let power =
            "<m:oMath><m:sSup><m:e><m:r><m:t>10</m:t></m:r></m:e><m:sup><m:r><m:t>3</m:t></m:r></m:sup></m:sSup></m:oMath>"
        let root = "<m:oMath><m:rad><m:deg/><m:e><m:r><m:t>a+b</m:t></m:r></m:e></m:rad></m:oMath>"
        let document = try word(
            "<w:p>\(sign("Wingdings", "F0FE"))\(run(" yes "))\(sign("Wingdings", "F0A8"))\(run(" no, 30"))\(sign("Symbol", "F0B0"))\(run(", 5 k"))\(sign("Symbol", "57"))</w:p>"
                + "<w:p>\(run("A share of "))\(fraction)\(run(" of "))\(power)\(run(" and "))\(root)\(run("."))</w:p>"
                + "<w:p>\(run("25"))\(run("1", "<w:vertAlign w:val=\"superscript\"/>"))\(run(" ships, H"))\(run("2", "<w:vertAlign w:val=\"subscript\"/>"))\(run("O"))</w:p>"
                + "<w:p>\(run("\u{F0FC} done", "<w:rFonts w:ascii=\"Wingdings\"/>"))</w:p>"
        )
        #expect(
            texts(document) == [
                "☑ yes ☐ no, 30°, 5 kΩ", "A share of 1/12 of 10^3 and √(a+b).", "25^1 ships, H2O", "✓ done",
            ]
        )
    }

    @Test func whatWasMovedOrIsAskedForIsNoText() throws {
        let document = try word(
            "<w:p><w:moveFrom>\(run("Moved sentence."))</w:moveFrom></w:p>" + paragraph("Middle.")
                + "<w:p><w:moveTo>\(run("Moved sentence."))</w:moveTo></w:p>"
                + "<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>\(paragraph("Click to enter text."))</w:sdtContent></w:sdt>"
                + "<w:sdt><w:sdtPr/><w:sdtContent>\(paragraph("Entered text."))</w:sdtContent></w:sdt>"
                + "<w:p><w:pPr><w:pStyle w:val=\"Normal\"/><w:pPrChange><w:pPr><w:outlineLvl w:val=\"0\"/></w:pPr></w:pPrChange></w:pPr>\(run("No heading."))</w:p>"
        )
        #expect(texts(document) == ["Middle.", "Moved sentence.", "Entered text.", "No heading."])
        #expect(document.blocks.allSatisfy { $0.kind == .paragraph })
    }

    @Test func aTextBoxTearsNoSentence() throws {
        let document = try word(
            "<w:p>\(run("Before the box "))<w:r><w:drawing><w:txbxContent>\(paragraph("Callout words"))</w:txbxContent></w:drawing></w:r>\(run("after it."))</w:p>"
        )
        #expect(texts(document) == ["Before the box after it.", "Callout words"])
    }

    @Test func hiddenTextIsReadAndCounted() throws {
        let document = try word(
            "<w:p>\(run("Seen"))\(run(" unseen", "<w:vanish/>"))\(run(" shown", "<w:vanish w:val=\"0\"/>"))</w:p>"
        )
        #expect(texts(document) == ["Seen unseen shown"])
        #expect(document.notes.hiddenCharacters == 6)
    }

    @Test func headersFootersCommentsAndChartsAreReadOnce() throws {
        let chart =
            "<ROOT><c:title><c:t>Tons</c:t></c:title><c:ser><c:tx><c:pt idx=\"0\"><c:v>Timber</c:v></c:pt></c:tx><c:cat><c:pt idx=\"0\"><c:v>North</c:v></c:pt><c:pt idx=\"1\"><c:v>South</c:v></c:pt></c:cat><c:val><c:pt idx=\"1\"><c:v>9</c:v></c:pt></c:val></c:ser></ROOT>"
        let document = try word(
            "<w:p>\(run("Body."))<w:r><w:drawing><wp:docPr descr=\"Chart of the bay\"/><c:chart r:id=\"c\"/></w:drawing></w:r></w:p>"
                + paragraph("End."),
            [
                ("h1", "header", "header1.xml", "<ROOT>\(paragraph("Harbour Trust, confidential"))</ROOT>"),
                ("h2", "header", "header2.xml", "<ROOT>\(paragraph("Harbour Trust, confidential"))</ROOT>"),
                ("f1", "footer", "footer1.xml", "<ROOT>\(paragraph("7"))</ROOT>"),
                ("f2", "footer", "footer2.xml", "<ROOT>\(paragraph("Printed in Kirkwall"))</ROOT>"),
                (
                    "k", "comments", "comments.xml",
                    "<ROOT><w:comment w:author=\"Ann\">\(paragraph("Ask the pilot."))</w:comment></ROOT>"
                ),
                ("c", "chart", "charts/chart1.xml", chart),
            ]
        )
        #expect(
            texts(document) == [
                "Harbour Trust, confidential", "Body. Chart of the bay", "Tons", "| Timber", "North", "South | 9",
                "End.", "Printed in Kirkwall",
                "Comment by Ann: Ask the pilot.",
            ]
        )
    }

    @Test func paragraphsCountAsWordCountsThem() throws {
        func level(_ level: Int, _ format: String, _ text: String) -> String {
            "<w:lvl w:ilvl=\"\(level)\"><w:start w:val=\"1\"/><w:numFmt w:val=\"\(format)\"/><w:lvlText w:val=\"\(text)\"/></w:lvl>"
        }
        let numbering =
            "<ROOT><w:abstractNum w:abstractNumId=\"0\">\(level(0, "decimal", "%1."))\(level(1, "lowerLetter", "%1.%2)"))</w:abstractNum><w:abstractNum w:abstractNumId=\"1\">\(level(0, "bullet", "\u{F0B7}"))</w:abstractNum><w:abstractNum w:abstractNumId=\"2\">\(level(0, "upperRoman", "§ %1"))</w:abstractNum>"
            + "<w:num w:numId=\"1\"><w:abstractNumId w:val=\"0\"/></w:num><w:num w:numId=\"2\"><w:abstractNumId w:val=\"1\"/></w:num><w:num w:numId=\"3\"><w:abstractNumId w:val=\"2\"/></w:num><w:num w:numId=\"4\"><w:abstractNumId w:val=\"0\"/><w:lvlOverride w:ilvl=\"0\"><w:startOverride w:val=\"7\"/></w:lvlOverride></w:num></ROOT>"
        let styles =
            "<ROOT><w:style w:styleId=\"H\"><w:name w:val=\"heading 1\"/><w:pPr><w:numPr><w:numId w:val=\"3\"/></w:numPr></w:pPr></w:style></ROOT>"
        func item(_ text: String, _ list: Int, _ level: Int = 0) -> String {
            paragraph(text, "<w:numPr><w:ilvl w:val=\"\(level)\"/><w:numId w:val=\"\(list)\"/></w:numPr>")
        }
        let document = try word(
            paragraph("Fees", "<w:pStyle w:val=\"H\"/>") + item("one", 1) + item("inner", 1, 1)
                + item("inner too", 1, 1) + item("two", 1) + item("inner", 1, 1)
                + item("bullet", 2) + paragraph("Rules", "<w:pStyle w:val=\"H\"/>") + item("seven", 4)
                + item("none", 0),
            [("n", "numbering", "numbering.xml", numbering), ("s", "styles", "styles.xml", styles)]
        )
        #expect(
            texts(document) == [
                "§ I Fees", "1. one", "1.a) inner", "1.b) inner too", "2. two", "2.a) inner", "bullet", "§ II Rules",
                "7. seven", "none",
            ]
        )
    }

    @Test func tablesThatLayAPageOutAreText() throws {
        func table(_ rows: [[String]]) -> String {
            "<w:tbl>" + rows.map { "<w:tr>" + $0.map { "<w:tc>\($0)</w:tc>" }.joined() + "</w:tr>" }.joined()
                + "</w:tbl>"
        }
        let styles = "<ROOT><w:style w:styleId=\"H\"><w:name w:val=\"heading 2\"/></w:style></ROOT>"
        func heading(_ text: String) -> String { paragraph(text, "<w:pStyle w:val=\"H\"/>") }
        let layout = table([
            [
                heading("Person") + paragraph("Ann Bell"),
                heading("Work") + paragraph("Pilot since 2011.") + table([["Port", "Tons"].map { paragraph($0) }]),
            ]
        ])
        let data = table([[heading("Berth"), heading("Depth")], [paragraph("North"), paragraph("7.5 m")]])
        let document = try word(layout + data, [("s", "styles", "styles.xml", styles)])
        #expect(
            texts(document) == [
                "Person", "Ann Bell", "Work", "Pilot since 2011.", "Port | Tons", "Berth | Depth", "North | 7.5 m",
            ]
        )
        #expect(document.blocks[0].kind == .heading)
    }

    // Presentations.

    private func slides(_ slides: [String], _ parts: [ZipBuilder.Part] = []) throws -> ExtractedDocument {
        let names = "xmlns:p=\"p\" xmlns:a=\"a\" xmlns:r=\"r\" xmlns:dgm=\"d\""
        let ids = slides.indices.map { "<p:sldId id=\"\(256 + $0)\" r:id=\"s\($0)\"/>" }.joined()
        return try read(
            ZipBuilder.zip(
                [
                    relationships("", [("r1", "officeDocument", "ppt/presentation.xml")]),
                    ZipBuilder.Part(
                        "[Content_Types].xml",
                        "<Types><Override PartName=\"/ppt/presentation.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml\"/></Types>"
                    ),
                    ZipBuilder.Part(
                        "ppt/presentation.xml",
                        "<p:presentation \(names)><p:sldIdLst>\(ids)</p:sldIdLst></p:presentation>"
                    ),
                    relationships(
                        "ppt/presentation.xml",
                        slides.indices.map { ("s\($0)", "slide", "slides/slide\($0).xml") }
                    ),
                ]
                    + slides.enumerated().map {
                        ZipBuilder.Part(
                            "ppt/slides/slide\($0.offset).xml",
                            $0.element.replacing("<p:sld", with: "<p:sld \(names)")
                        )
                    } + parts
            ),
            "a.pptx"
        )
    }

    private func shape(_ text: String, _ place: (Int, Int)?, _ placeholder: String = "") -> String {
        let offset = place.map { "<a:xfrm><a:off x=\"\($0.0)\" y=\"\($0.1)\"/></a:xfrm>" } ?? ""
        return
            "<p:sp><p:nvSpPr>\(placeholder)</p:nvSpPr><p:spPr>\(offset)</p:spPr><p:txBody><a:p><a:r><a:t>\(text)</a:t></a:r></a:p></p:txBody></p:sp>"
    }

    @Test func shapesAreReadFromTopToBottomBehindTheTitle() throws {
        let picture =
            "<p:pic><p:nvPicPr><p:cNvPr descr=\"Map of the mole\"/></p:nvPicPr><p:spPr><a:xfrm><a:off x=\"0\" y=\"4000000\"/></a:xfrm></p:spPr></p:pic>"
        let document = try slides([
            "<p:sld><p:spTree>\(shape("Third", (0, 3_000_000)))\(shape("Right", (5_000_000, 1_050_000)))\(shape("Left", (0, 1_000_000)))\(picture)\(shape("Title", nil, "<p:ph type=\"title\"/>"))\(shape("7", (0, 0), "<p:ph type=\"sldNum\"/>"))</p:spTree></p:sld>"
        ])
        #expect(texts(document) == ["Title", "Left", "Right", "Third", "Map of the mole"])
    }

    /// Places and sizes in tenths of an inch.
    @Test(arguments: [
        // A table beside a caption begins higher than that.
        ([("Rows", 40, 2, 55, 46), ("Caption", 5, 12, 33, 32)], ["Caption", "Rows"]),
        // A tall shape beside rows of cards.
        (
            [("B", 60, 0, 15, 20), ("A", 40, 0, 15, 20), ("C", 40, 25, 15, 20), ("Tall", 0, 0, 30, 50)],
            ["Tall", "A", "B", "C"]
        ),
        // Two columns under one line.
        (
            [
                ("R2", 50, 48, 40, 12), ("L2", 0, 42, 40, 13), ("R1", 50, 12, 40, 33), ("L1", 0, 10, 40, 30),
                ("Top", 0, 0, 90, 8),
            ], ["Top", "L1", "L2", "R1", "R2"]
        ),
        // Shapes that cover each other go by their tops.
        ([("Low", 0, 20, 50, 30), ("High", 10, 0, 50, 30)], ["High", "Low"]),
    ])
    func shapesSideBySideAreReadOneAfterTheOther(shapes: [(String, Int, Int, Int, Int)], order: [String]) throws {
        let drawn = shapes.map { text, x, y, width, height in
            shape(text, (x * 91_440, y * 91_440)).replacing(
                "</a:xfrm>",
                with: "<a:ext cx=\"\(width * 91_440)\" cy=\"\(height * 91_440)\"/></a:xfrm>"
            )
        }
        #expect(try texts(slides(["<p:sld><p:spTree>\(drawn.joined())</p:spTree></p:sld>"])) == order)
    }

    @Test func placeholdersStandWhereTheirLayoutPutsThem() throws {
        let layout = "<l xmlns:p=\"p\" xmlns:a=\"a\">\(shape("", (0, 2_000_000), "<p:ph idx=\"1\"/>"))</l>"
        let document = try slides(
            [
                "<p:sld><p:spTree>\(shape("Body", nil, "<p:ph idx=\"1\"/>"))\(shape("Above", (0, 500_000)))</p:spTree></p:sld>"
            ],
            [
                relationships("ppt/slides/slide0.xml", [("l", "slideLayout", "../slideLayouts/l.xml")]),
                ZipBuilder.Part("ppt/slideLayouts/l.xml", layout),
            ]
        )
        #expect(texts(document) == ["Above", "Body"])
    }

    @Test func diagramsAreReadAndHiddenSlidesCounted() throws {
        let frame = "<p:graphicFrame><p:xfrm><a:off x=\"0\" y=\"0\"/></p:xfrm><dgm:relIds r:dm=\"d\"/></p:graphicFrame>"
        let document = try slides(
            [
                "<p:sld><p:spTree>\(frame)</p:spTree></p:sld>",
                "<p:sld show=\"0\"><p:spTree>\(shape("Draft", (0, 0)))</p:spTree></p:sld>",
            ],
            [
                relationships(
                    "ppt/slides/slide0.xml",
                    [("d", "diagramData", "../diagrams/data1.xml"), ("c", "comments", "../comments/c.xml")]
                ),
                ZipBuilder.Part(
                    "ppt/diagrams/data1.xml",
                    "<d xmlns:a=\"a\"><a:p><a:r><a:t>Survey</a:t></a:r></a:p><a:p><a:r><a:t>Dredge</a:t></a:r></a:p></d>"
                ),
                ZipBuilder.Part(
                    "ppt/comments/c.xml",
                    "<p:cmLst xmlns:p=\"p\"><p:cm><p:pos/><p:text>Ask Ann</p:text></p:cm></p:cmLst>"
                ),
            ]
        )
        #expect(texts(document) == ["Survey", "Dredge", "Comment: Ask Ann", "Draft"])
        #expect(document.notes.hiddenCharacters == 5)
    }

    // Workbooks.

    @Test func textBoxesCommentsAndEscapesOfASheetAreRead() throws {
        let sheets =
            "<workbook xmlns:r=\"r\"><sheets><sheet name=\"Fees\" r:id=\"s1\"/><sheet name=\"Old\" state=\"hidden\" r:id=\"s2\"/></sheets></workbook>"
        func sheet(_ text: String) -> String {
            "<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>\(text)</t></is></c></row></sheetData></worksheet>"
        }
        let document = try read(
            ZipBuilder.zip([
                relationships("", [("r1", "officeDocument", "xl/workbook.xml")]),
                ZipBuilder.Part(
                    "[Content_Types].xml",
                    "<Types><Override PartName=\"/xl/workbook.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/></Types>"
                ),
                ZipBuilder.Part("xl/workbook.xml", sheets),
                relationships(
                    "xl/workbook.xml",
                    [("s1", "worksheet", "worksheets/s1.xml"), ("s2", "worksheet", "worksheets/s2.xml")]
                ),
                ZipBuilder.Part("xl/worksheets/s1.xml", sheet("first_x000D_ second, a_x_b")),
                ZipBuilder.Part("xl/worksheets/s2.xml", sheet("Hidden")),
                relationships(
                    "xl/worksheets/s1.xml",
                    [("d", "drawing", "../drawings/d.xml"), ("c", "comments", "../comments1.xml")]
                ),
                ZipBuilder.Part("xl/drawings/d.xml", "<d xmlns:a=\"a\"><a:p><a:r><a:t>Box words</a:t></a:r></a:p></d>"),
                ZipBuilder.Part(
                    "xl/comments1.xml",
                    "<comments><commentList><comment ref=\"B2\"><text><r><t>Who </t></r><r><t>pays?</t></r></text></comment></commentList></comments>"
                ),
            ]),
            "a.xlsx"
        )
        #expect(
            texts(document) == [
                "Fees", "first second, a_x_b", "Box words", "Comment on B2: Who pays?", "Old", "Hidden",
            ]
        )
        #expect(document.notes.hiddenCharacters == 9)
    }
}
