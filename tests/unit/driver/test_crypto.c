#include "../vectors.h"

#include "driver/crypto.h"

TestSuite(crypto, .init = crypto_start);

/* FIPS 180-4, examples of the SHA-256 computation */
Test(crypto, sha256_gives_the_published_hashes)
{
    uint8_t out[SHA256_LEN];

    sha256(STR("abc"), out);
    cr_assert(bytes_eq(out, sizeof out,
                       hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")));
    sha256(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), out);
    cr_assert(bytes_eq(out, sizeof out,
                       hex("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")));
    sha256(STR(""), out);
    cr_assert(bytes_eq(out, sizeof out,
                       hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")));
}

/* RFC 4231 4.2 to 4.8; case 5 is truncated there */
Test(crypto, hmac_sha256_gives_the_tags_of_rfc_4231)
{
    static const struct {
        const char *key, *data, *tag;
    } cases[] = {
        { "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
        { "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "dddddddddddddddddddddddddddddddddddddddddddddddddd"
          "dddddddddddddddddddddddddddddddddddddddddddddddddd",
          "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
        { "0102030405060708090a0b0c0d0e0f10111213141516171819",
          "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
          "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
          "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
        { "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c", "546573742057697468205472756e636174696f6e",
          "a3b6167473100ee06e0c796c2955552b" },
    };
    uint8_t out[SHA256_LEN];

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str tag = hex(cases[i].tag);

        hmac_sha256(hex(cases[i].key), hex(cases[i].data), out);
        cr_expect(bytes_eq(out, tag.len, tag), "case %zu", i + 1);
    }
}

/* RFC 4231 4.7 and 4.8: keys longer than a block are hashed first */
Test(crypto, hmac_sha256_takes_keys_longer_than_a_block)
{
    char key[131];
    uint8_t out[SHA256_LEN];

    memset(key, 0xaa, sizeof key);
    hmac_sha256(str_span(key, sizeof key),
                STR("Test Using Larger Than Block-Size Key - Hash Key First"), out);
    cr_assert(bytes_eq(out, sizeof out,
                       hex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")));
    hmac_sha256(str_span(key, sizeof key),
                STR("This is a test using a larger than block-size key and a larger than "
                    "block-size data. The key needs to be hashed before being used by the "
                    "HMAC algorithm."),
                out);
    cr_assert(bytes_eq(out, sizeof out,
                       hex("9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2")));
}

/* RFC 5869 A.1 to A.3 */
Test(crypto, hkdf_sha256_gives_the_keys_of_rfc_5869)
{
    static const struct {
        const char *key, *salt, *info, *out;
    } cases[] = {
        { "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
          "f0f1f2f3f4f5f6f7f8f9",
          "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865" },
        { "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627"
          "28292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
          "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f8081828384858687"
          "88898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
          "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7"
          "d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
          "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb"
          "41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87" },
        { "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
          "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8" },
    };
    uint8_t out[128];

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str expected = hex(cases[i].out);

        hkdf_sha256(hex(cases[i].key), hex(cases[i].salt), hex(cases[i].info), out, expected.len);
        cr_expect(bytes_eq(out, expected.len, expected), "A.%zu", i + 1);
    }
}

/* McGrew and Viega, "The Galois/Counter Mode of Operation", cases 13 to 16 */
Test(crypto, open_reads_the_published_aes_256_gcm_texts)
{
    static const struct {
        const char *key, *nonce, *aad, *plain, *sealed;
    } cases[] = {
        { "0000000000000000000000000000000000000000000000000000000000000000",
          "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b" },
        { "0000000000000000000000000000000000000000000000000000000000000000",
          "000000000000000000000000", "", "00000000000000000000000000000000",
          "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919" },
        { "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
          "cafebabefacedbaddecaf888", "",
          "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
          "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
          "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
          "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
          "b094dac5d93471bdec1a502270e3cc6c" },
        { "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
          "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
          "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
          "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
          "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
          "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
          "76fc6ece0f4e1768cddf8853bb2d551b" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str key = hex(cases[i].key), nonce = hex(cases[i].nonce),
                   rest = hex(cases[i].sealed);
        struct str plain,
            sealed = arena_fmt(&vectors_arena, "%*s", (int)(nonce.len + rest.len), "");

        memcpy((char *)(uintptr_t)sealed.at, nonce.at, nonce.len);
        memcpy((char *)(uintptr_t)sealed.at + nonce.len, rest.at, rest.len);
        cr_assert(crypto_open(&vectors_arena, (const uint8_t *)key.at, hex(cases[i].aad), sealed,
                              &plain) == OK,
                  "case %zu", 13 + i);
        cr_expect(str_eq(plain, hex(cases[i].plain)), "case %zu", 13 + i);
    }
}

static const uint8_t key[32] = "thirty-two bytes of a test key..";

Test(crypto, what_was_sealed_opens_in_its_place_only)
{
    struct arena *a = &vectors_arena;
    struct str plain, sealed = crypto_seal(a, key, STR("place"), STR("a private key"));
    uint8_t other[32];

    memcpy(other, key, sizeof other);
    other[31] ^= 1;
    cr_assert_eq(sealed.len, STR("a private key").len + SEAL_OVERHEAD);
    cr_assert(crypto_open(a, key, STR("place"), sealed, &plain) == OK);
    cr_assert(str_eq(plain, STR("a private key")));
    cr_assert(crypto_open(a, key, STR("other place"), sealed, &plain) == E_BAD_CREDENTIAL);
    cr_assert(crypto_open(a, other, STR("place"), sealed, &plain) == E_BAD_CREDENTIAL);
}

Test(crypto, a_sealed_text_with_any_bit_flipped_or_any_byte_missing_does_not_open)
{
    struct arena *a = &vectors_arena;
    struct str plain, sealed = crypto_seal(a, key, STR("place"), STR("0123456789"));
    char *bytes = (char *)(uintptr_t)sealed.at;

    for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        cr_expect(crypto_open(a, key, STR("place"), sealed, &plain) == E_BAD_CREDENTIAL, "bit %zu",
                  bit);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t len = 0; len < sealed.len; len++)
        cr_expect(crypto_open(a, key, STR("place"), str_upto(sealed, len), &plain) ==
                      E_BAD_CREDENTIAL,
                  "%zu bytes", len);
    cr_assert(crypto_open(a, key, STR("place"), sealed, &plain) == OK);
}

Test(crypto, sealing_twice_gives_different_texts)
{
    struct str one = crypto_seal(&vectors_arena, key, STR(""), STR("same"));
    struct str two = crypto_seal(&vectors_arena, key, STR(""), STR("same"));

    cr_assert(!str_eq(one, two));
}

Test(crypto, nothing_can_be_sealed_too)
{
    struct str plain, sealed = crypto_seal(&vectors_arena, key, STR("place"), STR(""));

    cr_assert(crypto_open(&vectors_arena, key, STR("place"), sealed, &plain) == OK);
    cr_assert_eq(plain.len, 0);
    cr_assert(plain.at);
}

/* What is stored depends on these: they may never change. Checked against the
 * HKDF of another library (python's cryptography). */
Test(crypto, the_keys_for_each_purpose_follow_from_the_master_key)
{
    master_derive(STR("0123456789abcdef0123456789abcdef"));
    cr_expect(bytes_eq(master.seal_keys, 32,
                       hex("873b079e92757ca28218b0d239135220bf1c928fa0a8a71697a5c9c95e8cd93e")));
    cr_expect(bytes_eq(master.refresh_tag, 32,
                       hex("e56bfd7d4e5bca0944099b1533bc5406302a35e8b60bd698f67aaa6510b9677e")));
    cr_expect(bytes_eq(master.refresh_mac, 32,
                       hex("740399cb74a13c07f468a3358ddd520302432eeee9eb9db321a45641a13338b3")));
    cr_expect(bytes_eq(master.print, 32,
                       hex("e2cbd0a338d7d733a97e8c76b91f3449910e4801fc1ee7a69979bdad4ff2a96f")));
    cr_expect(bytes_eq(master.jwt_kid, 32,
                       hex("329b8512a716177f436cf7d7a9864fd89033c5222e6844620abc7ff6f7d33916")));
}

Test(crypto, wipe_leaves_zeros)
{
    char text[] = "secret";

    wipe(text, sizeof text);
    for (size_t i = 0; i < sizeof text; i++) cr_expect_eq(text[i], 0);
}
