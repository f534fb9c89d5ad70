import DocumentExtraction
import ExtractionWire
import Testing

/// Each value stays in its row, under the name of its column.
@Suite struct TableTests {
    private func rows(_ text: String, _ name: String) throws -> [String] { try rows(Array(text.utf8), name) }

    private func rows(_ bytes: [UInt8], _ name: String) throws -> [String] {
        let document = try read(bytes, name)
        return document.blocks.filter { $0.kind == .tableRow }.map {
            String(decoding: document.text[$0.start..<$0.end], as: UTF8.self)
        }
    }

    @Test(
        arguments: [
            // Two tables below each other, each with its own names.
            (
                "Name,Age\nAnna,12\n\nProduct,Price\nRope,12.50\nFender,9\n", "t.csv",
                [
                    "Name | Age", "Name: Anna | Age: 12", "Product | Price", "Product: Rope | Price: 12.50",
                    "Product: Fender | Price: 9",
                ]
            ),
            // An empty line within one, of words alone.
            (
                "Name,Town\r\nAnna,Rome\r\n\r\nBo,Kiel\r\n", "t.csv",
                ["Name | Town", "Name: Anna | Town: Rome", "Name: Bo | Town: Kiel"]
            ),
            (
                "Region,2019,2020\nNorth,12,13\n", "t.csv",
                ["Region | 2019 | 2020", "Region: North | 2019: 12 | 2020: 13"]
            ),
            // Without names.
            ("Anna,12,Rome\nBo,13,Kiel\n", "t.csv", ["Anna | 12 | Rome", "Bo | 13 | Kiel"]),
            (
                "Name,Score,Remark,Score,Remark\nAnna,5,good,7,late\n", "t.csv",
                [
                    "Name | Score | Remark | Score | Remark",
                    "Name: Anna | Score: 5 | Remark: good | Score: 7 | Remark: late",
                ]
            ),
            // Names of two rows.
            (
                ",2023,,2024,\nPort,Tons,Ships,Tons,Ships\nRome,12,3,13,4\n", "t.csv",
                [
                    "Port | 2023 Tons | 2023 Ships | 2024 Tons | 2024 Ships",
                    "Port: Rome | 2023 Tons: 12 | 2023 Ships: 3 | 2024 Tons: 13 | 2024 Ships: 4",
                ]
            ),
            // The separator is the one that gives equal rows, not the most frequent one.
            (
                "Ware;Text;Preis\nSeil;rund, blau, 20 m;12,50\nLeine;lang, dünn;1,20\n", "t.csv",
                [
                    "Ware | Text | Preis", "Ware: Seil | Text: rund, blau, 20 m | Preis: 12,50",
                    "Ware: Leine | Text: lang, dünn | Preis: 1,20",
                ]
            ),
            // Inches are no quotes; quotes around a cell are.
            (
                "Size\tNumber\n\"5 inch\t12\n7\"\t30\n\"9 \"\"new\"\"\"\t1\n", "t.tsv",
                [
                    "Size | Number", "Size: \"5 inch | Number: 12", "Size: 7\" | Number: 30",
                    "Size: 9 \"new\" | Number: 1",
                ]
            ),
            ("A\tB\n1\t\"two\nlines\"\n", "t.tsv", ["A | B", "A: 1 | B: two lines"]),
            ("A,B\n\"never closed,2\n3,4\n", "t.csv", ["A | B", "A: \"never closed | B: 2", "A: 3 | B: 4"]),
        ]
    )
    func recordsHaveTheNamesOfTheirColumns(_ text: String, _ name: String, _ expected: [String]) throws {
        #expect(try rows(text, name) == expected)
    }

    /// The questions of a survey, of any length and script.
    @Test func longNamesAreNames() throws {
        let question = String(repeating: "今日の港の天気はどうでしたか", count: 3)
        #expect(try rows("日付,\(question)\n2024-05-03,良い\n", "t.csv").last == "日付: 2024-05-03 | \(question): 良い")
    }

    /// Many lone quotes: each is looked at once.
    @Test func loneQuotesTakeLinearTime() throws {
        #expect(try rows(String(repeating: "a,\"b\n", count: 50_000), "t.csv").count > 1000)
    }

    @Test(
        arguments: [
            (
                "<tr><th rowspan=2>Berth<th colspan=2>Depth</tr><tr><th>low<th>high</tr><tr><td rowspan=2>South<td>8.0<td>9.9</tr><tr><td>8.2<td>10.1</tr>",
                ["Berth | Depth | Depth", "Berth | low | high", "South | 8.0 | 9.9", "South | 8.2 | 10.1"]
            ),
            // An empty cell keeps its place, at the begin of a row as well.
            (
                "<tr><th>A<th>B<th>C</tr><tr><td>1<td><td>3</tr><tr><td><td>2<td></tr>",
                ["A | B | C", "1 | | 3", "| 2"]
            ),
            // What is in a cell ends no row.
            (
                "<tr><th>Berth<th>Has<th>Depth</tr><tr><td><h4>North</h4><td><ul><li>crane<li>water</ul><td><pre>7.5\n m</pre></tr>",
                ["Berth | Has | Depth", "North | crane water | 7.5 m"]
            ),
            ("<tr><th>A<th>B</tr><tr><td colspan=2>All in metres</tr>", ["A | B", "All in metres"]),
            // A table that lays the page out has no columns to keep.
            ("<tr><td><td><td>text</tr>", ["text"]),
            (
                "<tr><td rowspan=99999999999999999999 colspan=-3>a<td colspan=4000000>b</tr><tr><td>c</tr>",
                ["a | b" + String(repeating: " | b", count: 31), "c"]
            ),
        ]
    )
    func cellsOfWebPagesStayInTheirColumns(_ table: String, _ expected: [String]) throws {
        #expect(try rows("<html><body><table>\(table)</table></body></html>", "t.html") == expected)
    }

    @Test func cellsOfDocumentsStayInTheirColumns() throws {
        func cell(_ text: String, _ properties: String = "") -> String {
            "<w:tc><w:tcPr>\(properties)</w:tcPr><w:p><w:r><w:t>\(text)</w:t></w:r></w:p></w:tc>"
        }
        let table = [
            cell("Berth") + cell("Depth", "<w:gridSpan w:val=\"2\"/>"),
            cell("North", "<w:vMerge w:val=\"restart\"/>") + cell("7.5") + cell("9.1"),
            cell("", "<w:vMerge/>") + cell("8.0") + cell("none"), cell("South") + cell("") + cell("3 t"),
        ].map { "<w:tr>\($0)</w:tr>" }.joined()
        let word = ZipBuilder.zip([
            .init(
                "word/document.xml",
                "<w:document xmlns:w=\"w\"><w:body><w:tbl>\(table)</w:tbl></w:body></w:document>"
            )
        ])
        #expect(
            try rows(word, "t.docx") == [
                "Berth | Depth | Depth", "North | 7.5 | 9.1", "North | 8.0 | none", "South | | 3 t",
            ]
        )
    }

    /// As the sheet shows them (ECMA-376 part 1, §18.8.30).
    @Test(
        arguments: [
            ("0%", "0.125", "13%"), ("0.0%", "0.125", "12.5%"), ("#,##0.00\\ \"EUR\"", "1234.5", "1,234.50 EUR"),
            ("[$€-407] #,##0", "-1234567.4", "€ -1,234,567"), ("00000", "1234", "01234"), ("0.##", "2.50", "2.5"),
            ("0\\ \\d\\a\\y\\s", "12", "12 days"), ("[h]:mm", "1.520833333333333", "36:30"),
            ("h:mm", "0.604166666666667", "14:30"),
            ("dd/mm/yyyy", "45415", "2024-05-03"), ("d.m.yy h:mm", "45415.5", "2024-05-03 12:00:00"),
            ("h:mm AM/PM", "0.75", "18:00"), ("# ?/?", "0.5", "0.5"), ("0.00E+00", "12345", "12345"),
            ("General", "0.1", "0.1"),
            ("0", "1e300", "1e+300"), ("#,##0;[Red]-#,##0", "-5", "-5"), ("\"", "7", "7"), ("[h", "7", "7"),
            ("\\", "7", "7"),
            ("General", "1234567890123456", "1234567890123456"), ("0.0000000000000000000000", "1", "1"),
        ]
    )
    func numbersAreWrittenAsTheSheetShowsThem(_ format: String, _ value: String, _ expected: String) throws {
        let code = format.replacingOccurrences("&", "&amp;").replacingOccurrences("\"", "&quot;")
        let book = ZipBuilder.zip([
            .init("xl/workbook.xml", "<workbook xmlns:r='r'><sheets><sheet name='S' r:id='rId1'/></sheets></workbook>"),
            .init(
                "xl/_rels/workbook.xml.rels",
                "<Relationships><Relationship Id='rId1' Type='t/worksheet' Target='worksheets/sheet1.xml'/><Relationship Id='rId2' Type='t/styles' Target='styles.xml'/></Relationships>"
            ),
            .init(
                "xl/styles.xml",
                "<styleSheet><numFmts><numFmt numFmtId='170' formatCode=\"\(code)\"/></numFmts><cellXfs><xf numFmtId='0'/><xf numFmtId='170'/></cellXfs></styleSheet>"
            ),
            .init(
                "xl/worksheets/sheet1.xml",
                "<worksheet><sheetData><row r='1'><c r='A1' s='1'><v>\(value)</v></c></row></sheetData></worksheet>"
            ),
        ])
        #expect(try rows(book, "t.xlsx") == [expected])
    }

    @Test func markdownKeepsItsTablesAndWhatItSaysOfItself() throws {
        let text = """
            ---\r\ntitle: "Harbour rules"\r\nauthor: Board\r\ndate: 2024-05-03\r\ntags: [port, fees]\r\n---\r\n
            <table>
            <tr><th>Berth</th><th>Depth</th></tr>
            <tr><td>North</td><td>7.5&nbsp;m</td></tr>
            </table>

            | a | b | c |
            |---|---|---|
            | one<br>two |  | Caf&eacute; &half; |
            """
        let document = try read(Array(text.utf8), "t.md")
        #expect(
            document.title == "Harbour rules" && document.author == "Board" && document.notes.modified == "2024-05-03"
        )
        let parts = texts(document)
        #expect(parts == ["port, fees", "Berth | Depth", "North | 7.5 m", "a | b | c", "one two | | Café &half;"])
    }

    /// Pictures, formulas and drawings hold words as well.
    @Test func webPagesSayWhatPicturesShow() throws {
        let page = """
            <html><body><p>The boat <img src=a.png alt="The lifeboat leaves the slip"> <img alt="a.png"><a href="/"><img alt="Logo"></a></p>
            <p>Energy is <math><mi>E</mi><mo>=</mo><mi>m</mi><annotation>E=m</annotation></math>.</p>
            <svg><title>Chart</title><style>x</style><g><text>Depth</text><text>nine metres</text></g></svg>
            <button><svg><title>Close</title><text>X</text></svg></button></body></html>
            """
        let document = try read(Array(page.utf8), "t.html")
        let parts = texts(document)
        #expect(document.title.isEmpty)
        #expect(parts == ["The boat The lifeboat leaves the slip", "Energy is E = m .", "Depth nine metres"])
    }
}

extension String {
    fileprivate func replacingOccurrences(_ text: String, _ other: String) -> String {
        split(separator: text, omittingEmptySubsequences: false).joined(separator: other)
    }
}
