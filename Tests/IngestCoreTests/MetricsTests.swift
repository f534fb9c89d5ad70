import AsyncPrimitives
import IngestCore
import IngestTestKit
import Observability
import Testing
import TextCoding

/// The closed set of metrics, in Prometheus' text and in CloudWatch's embedded format.
@Suite struct MetricsTests {
    private let metrics = Metrics()

    private var families: [any MetricFamily] {
        Metrics.Series.allCases + Metrics.Counter.allCases + Metrics.Histogram.allCases + Metrics.Gauge.allCases
    }

    @Test func everyFamilyHasANameByTheConventionsAndHelp() {
        for family in families {
            #expect(family.name.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == 0x5F })
            #expect(family.name.hasPrefix("ingest_") || family.name.hasPrefix("process_"))
            #expect(family.help.hasSuffix(".") && !family.help.contains("\n"), "\(family.name)")
            for word in ["_ms", "_millis", "_kb", "_mb", "_percent", "_minutes"] {
                #expect(!family.name.contains(word), "\(family.name) is not in base units")
            }
        }
        #expect(Set(families.map(\.name)).count == families.count)
        #expect(Metrics.Counter.allCases.allSatisfy { $0.name.hasSuffix("_total") })
        #expect(Metrics.Histogram.allCases.allSatisfy { $0.name.hasSuffix("_seconds") || $0.name.hasSuffix("_ratio") })
    }

    @Test func eachProgramShowsItsOwnFamilies() {
        let (ingest, embed) = (metrics.exposition(of: .ingest), metrics.exposition(of: .embed))
        #expect(ingest.contains("ingest_extraction_duration_seconds_bucket") && !embed.contains("extraction"))
        #expect(embed.contains("ingest_tokens_embedded_total 0") && !ingest.contains("tokens_embedded"))
        for family in families {
            #expect(ingest.contains("# HELP \(family.name) ") || embed.contains("# HELP \(family.name) "))
        }
    }

    @Test func aHistogramCountsIntoCumulativeBuckets() {
        for value in [0.004, 0.02, 7, 1e6] { metrics.observe(.download, value) }
        let text = metrics.exposition()
        for line in [
            "bucket{le=\"0.005\"} 1", "bucket{le=\"0.025\"} 2", "bucket{le=\"10\"} 3", "bucket{le=\"+Inf\"} 4",
            "count 4",
        ] {
            #expect(text.contains("ingest_download_duration_seconds_\(line)\n"), "\(line)")
        }
    }

    @Test func aCostIsADecimalNumberOfDollars() throws {
        let price = try #require(EmbeddingPrices("")["text-embedding-3-small"])
        for _ in 0..<3 { metrics.add(.embeddingCost, price.billionths(tokens: 500)) }
        #expect(metrics.exposition().contains("ingest_embedding_cost_dollars_total 3e-05\n"))
    }

    @Test func labelsAreEscaped() {
        metrics.read { [Metrics.Reading(.paused, "a\"b\\c\nd", 1)] }
        #expect(metrics.exposition().contains("ingest_paused{dependency=\"a\\\"b\\\\c\\nd\"} 1\n"))
    }

    @Test func embeddedMetricsReportWhatWasAdded() throws {
        var lines = EmbeddedMetrics(metrics, of: .embed, service: "embed-worker", pipeline: "p-1")
        metrics.add(.tokensEmbedded, 5)
        metrics.count(.rejections, "too_large")
        for number in 0..<500 { metrics.observe(.bulk, Double(number)) }
        let first = try lines.lines(at: Timestamp(milliseconds: 1_700_000_000_000)).map {
            try #require(JSONValue(parsing: $0))
        }
        #expect(first[0]["ingest_tokens_embedded_total"] == .number(5))
        #expect(first[0]["ingest_bulk_duration_seconds"]?.items.count == 100)
        #expect(first[0]["service"]?.text == "embed-worker" && first[0]["pipeline"]?.text == "p-1")
        #expect(first.contains { $0["reason"]?.text == "too_large" && $0["ingest_rejections_total"] == .number(1) })
        metrics.add(.tokensEmbedded, 2)
        let second = try #require(JSONValue(parsing: lines.lines(at: Timestamp(milliseconds: 1_700_000_060_000))[0]))
        #expect(second["ingest_tokens_embedded_total"] == .number(2))
        #expect(second["ingest_bulk_duration_seconds"] == nil)
    }

    @Test func theOldestAgeIsThatOfTheLastMinute() {
        let ages = MessageAges()
        func deliver(_ age: Int64, at second: Int64) {
            let now = Timestamp(milliseconds: 1_000_000_000 + second * 1000)
            let sent = Timestamp(milliseconds: now.milliseconds - age * 1000)
            let delivery = Delivery(messageID: "m", receipt: "r", body: "", sent: sent, received: now)
            ages.received([delivery], at: .seconds(second))
        }
        func oldest(_ second: Int) -> Double? { ages.readings(at: .seconds(second)).first?.value }
        deliver(50, at: 0)
        deliver(10, at: 5)
        #expect(oldest(6) == 50 && oldest(61) == 10 && oldest(66) == 0)
        deliver(20, at: 70)
        deliver(30, at: 71)
        #expect(oldest(75) == 30)
    }

    @Test func driftIsTheAngleBetweenMeans() throws {
        let drift = VectorDrift()
        for _ in 0..<30 { drift.add([1, 0]) }
        #expect(drift.readings.isEmpty)
        drift.compare(with: [2, 0])
        #expect(abs(try #require(drift.readings.first).value) < 1e-6)
        drift.compare(with: [0, 3])
        #expect(abs(try #require(drift.readings.first).value - 1) < 1e-6)
    }
}
