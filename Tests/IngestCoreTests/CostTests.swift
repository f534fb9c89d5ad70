import AsyncPrimitives
import IngestCore
import IngestTestKit
import Observability
import OpenSearch
import Testing

@Suite struct CostTests {
    @Test func aPriceIsForEveryModelAndATableForThoseItNames() throws {
        #expect(try EmbeddingPrices("0.5")["any"]?.dollarsPerMillionTokens == 0.5)
        let table = try EmbeddingPrices("a=0.1, arn:aws:bedrock:eu-west-1::b/c:0=2,")
        #expect(table["a"]?.dollarsPerMillionTokens == 0.1)
        #expect(table["arn:aws:bedrock:eu-west-1::b/c:0"]?.dollarsPerMillionTokens == 2)
        #expect(table["text-embedding-3-small"]?.dollarsPerMillionTokens == 0.02, "a list price")
        #expect(table["unknown"] == nil)
        #expect(try EmbeddingPrices("")["unknown"] == nil)
        for setting in ["x", "-1", "nan", "inf", "1e300", "a=", "=1", "a=1,b", "a=-1"] {
            #expect(throws: EmbeddingPrices.Unreadable.self, "\(setting)") { try EmbeddingPrices(setting) }
        }
    }

    @Test func sumsDoNotOverflow() {
        let large = EmbeddingSpend(tokens: .max, cost: .max)
        var sum = EmbeddingSpend(tokens: 1 << 60, cost: 1 << 60)
        sum += EmbeddingSpend(tokens: 1 << 60, cost: 1 << 60)
        #expect(sum.tokens == 1 << 60)
        #expect(large.dollars > 0)
    }

    @Test func aWorkerSaysWhatEachTenantUsedToday() {
        let time = VirtualTime()
        let meter = UsageMeter(index: "i", time: time, random: RandomSource.seeded(1))
        for number in 0..<120 {
            meter.add(EmbeddingSpend(tokens: 100 + number, cost: 1_000_000_000), chunks: 1, of: "tenant-\(number)")
        }
        let tokens = meter.readings.filter { $0.gauge == .tenantTokens }
        #expect(tokens.count == 101)
        #expect(tokens.first?.label == "tenant-119" && tokens.first?.value == 219)
        #expect(tokens.last?.label == "other tenants")
        #expect(tokens.reduce(0) { $0 + $1.value } == Double((0..<120).reduce(0) { $0 + 100 + $1 }))
        let dollars = meter.readings.filter { $0.gauge == .tenantCost }.reduce(0) { $0 + $1.value }
        #expect(dollars == 120)
    }
}
