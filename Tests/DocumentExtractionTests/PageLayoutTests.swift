import DocumentExtraction
import ExtractionWire
import Testing

@Suite struct PageLayoutTests {
    /// A run of characters 5 points wide and 10 high, as poppler hands them over.
    private struct Run {
        var text: String
        var left: Float
        var top: Float
    }

    /// The canonical text of a page of runs; a run that begins with LF stands on a line of its own.
    private func read(_ runs: [Run], boxes isBoxed: Bool = true) throws -> (text: String, blocks: Int) {
        var text = ""
        var boxes: [CharacterBox] = []
        for run in runs {
            var left = run.left
            for scalar in run.text.unicodeScalars {
                boxes.append(CharacterBox(left: left, top: run.top, right: left + 5, bottom: run.top + 10))
                if scalar != "\n" { left += 5 }
            }
            text += run.text
        }
        if !isBoxed { boxes = [] }
        var builder = TextBuilder(limit: 1 << 20)
        text.withUTF8 { text in
            boxes.withUnsafeBufferPointer { boxes in
                var column: Float?
                PageWriter(PageLayout(text: text, boxes: boxes, usualColumn: &column), number: 1).append(to: &builder)
            }
        }
        let limits = ExtractionLimits(pages: 10, textBytes: 1 << 20)
        let document = try builder.document(.pdf, limits: limits)
        return (String(decoding: document.text, as: UTF8.self), document.blocks.count)
    }

    @Test func cellsSideBySideAreParted() throws {
        let row = [
            Run(text: "Rate", left: 0, top: 0), Run(text: "2.5", left: 60, top: 0), Run(text: "六", left: 90, top: 0),
        ]
        #expect(try read(row).text == "Rate 2.5 六")
        let close = [Run(text: "Ra", left: 0, top: 0), Run(text: "te", left: 10.5, top: 0)]
        #expect(try read(close).text == "Rate", "kerning parts no word")
    }

    @Test(arguments: [
        ("funda-", "\nmental", "fundamental"), ("ge\u{AD}", "\nändert", "geändert"), ("ge\u{2010}", "\nsagt", "gesagt"),
        ("New-", "\nYork", "New-\nYork"), ("1990-", "\nand", "1990-\nand"), ("over -", "\nand", "over -\nand"),
        ("-", "\nand", "-\nand"),
    ])
    func onlyBrokenWordsAreJoined(first: String, second: String, expected: String) throws {
        let page = [Run(text: first, left: 0, top: 0), Run(text: second, left: 0, top: 12)]
        #expect(try read(page).text == expected)
    }

    @Test func paragraphsAreSeparatedByTheirDistance() throws {
        let close = [Run(text: "One.", left: 0, top: 0), Run(text: "\nTwo.", left: 0, top: 12)]
        #expect(try read(close) == ("One.\nTwo.", 1))
        let apart = [Run(text: "One.", left: 0, top: 0), Run(text: "\nTwo.", left: 0, top: 24)]
        #expect(try read(apart) == ("One.\n\nTwo.", 2))
    }

    @Test func aSentenceGoesOnInTheNextColumn() throws {
        let open = try read(columns("and then the lamp is"))
        #expect(open.text.contains("and then the lamp is\nline 0 of the right one") && open.blocks == 1)
        #expect(try read(columns("and then it is over.")).blocks == 2)
    }

    /// Two columns of ten lines, as poppler hands them over when it takes them for rows.
    private func columns(_ last: String) -> [Run] {
        var runs: [Run] = []
        for line in 0..<10 {
            let (top, left) = (Float(line) * 12, line == 9 ? last : "line \(line) of the left one")
            runs.append(Run(text: "\n\(left)", left: 0, top: top))
            runs.append(Run(text: "line \(line) of the right one", left: 130, top: top))
        }
        return runs
    }

    @Test func columnsAreReadOneAfterTheOther() throws {
        let text = try read(columns("line 9 of the left one")).text.split(separator: "\n").map(String.init)
        let left = (0..<10).map { "line \($0) of the left one" }
        #expect(text == left + (0..<10).map { "line \($0) of the right one" })
    }

    @Test func aTitleOverBothColumnsComesFirstAndARowOfATableStaysARow() throws {
        let title = [Run(text: "\nA title that is as wide as both of the columns", left: 0, top: -30)]
        let lines = try read(title + columns("line 9 of the left one")).text.split(separator: "\n")
        #expect(
            lines.first == "A title that is as wide as both of the columns" && lines.last == "line 9 of the right one"
        )
        var table: [Run] = []
        for row in 0..<4 {
            for column in 0..<3 {
                let text = (column == 0 ? "\n" : "") + "c\(row)\(column)"
                table.append(Run(text: text, left: Float(column) * 80, top: Float(row) * 14))
            }
        }
        #expect(try read(table).text == "c00 | c01 | c02\nc10 | c11 | c12\nc20 | c21 | c22\nc30 | c31 | c32")
    }

    @Test func noTextIsLostForWantOfBoxes() throws {
        let page = [Run(text: "Größe", left: 0, top: 0), Run(text: "\nund Art", left: 0, top: 12)]
        #expect(try read(page, boxes: false).text == "Größe\nund Art")
    }
}
