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

    @Test func aNumberUnderOthersIsACellOfItsOwn() throws {
        var rows: [Run] = []
        for (place, name) in ["Oak", "Ash", "Elm", "Yew"].enumerated() {
            let top = Float(20 * place)
            rows += [
                Run(text: "\n\(name)", left: 0, top: top), Run(text: "\(7 + place)", left: 100, top: top),
                Run(text: "yes", left: 200, top: top),
            ]
        }
        let long = Run(text: "\nA long name of them 12", left: 0, top: 80)
        let text = try read(rows + [long, Run(text: "no", left: 200, top: 80)]).text
        #expect(text.contains("A long name of them | 12 | no"))
        let title = try read([Run(text: "The best trees of it 12", left: 0, top: -20)] + rows).text
        #expect(title.contains("The best trees of it 12"), "it has nothing beside it")
        let words = try read(
            rows + [Run(text: "\nOf 12 trees", left: 0, top: 80), Run(text: "no", left: 200, top: 80)]
        )
        #expect(words.text.contains("Of 12 trees | | no"))
    }

    /// Tables between columns whose gutter is where two cells are apart.
    @Test func aTableBetweenColumnsStaysWhole() throws {
        func column(_ name: String, _ left: Float, _ top: Float) -> [Run] {
            (0..<10).map {
                Run(text: "\nline \(name)\($0) of the running text in columns", left: left, top: top + 12 * Float($0))
            }
        }
        func table(_ steps: [Float]) -> [Run] {
            (0..<4).flatMap { row in
                steps.enumerated().map {
                    Run(text: "\nt\(row)x\($0.offset)", left: $0.element, top: Float(140 + 15 * row))
                }
            }
        }
        let above = column("a", 0, 0) + column("b", 250, 0)
        let below = column("c", 0, 220) + column("d", 250, 220)
        for steps in [[2, 84, 166, 248, 330, 412], [2, 120, 246, 400] as [Float]] {
            let text = try read(above + table(steps) + below).text
            let order = ["a0", "a9", "b0", "b9", "t0x0", "t0x3", "t1x0", "t3x3", "c0", "c9", "d0", "d9"]
            let places = order.compactMap { text.firstRange(of: $0)?.lowerBound }
            #expect(places.count == order.count && places == places.sorted(), "\(text)")
        }
        // One in each column.
        let two = try read(above + table([2, 100, 252, 300]) + below).text
        #expect(two.firstRange(of: "t3x1")!.lowerBound < two.firstRange(of: "b0")!.lowerBound)
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
