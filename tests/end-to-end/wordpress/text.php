<?php
// Made-up prose, the same for the same seed: paragraphs as the block editor stores them, with the characters that
// careless software breaks (quotes, backslashes, emoji, right-to-left, combining marks, entities, shortcodes).

const WORDS = ['account', 'agreement', 'answer', 'autumn', 'bridge', 'carpenter', 'customer', 'delivery', 'evening',
    'factory', 'garden', 'harbour', 'invoice', 'journey', 'kitchen', 'ladder', 'market', 'neighbour', 'opening',
    'partner', 'quarter', 'railway', 'season', 'ticket', 'umbrella', 'village', 'warehouse', 'weather', 'window',
    'Bäckerei', 'Straße', 'Müller', 'façade', 'naïve', 'smörgåsbord', 'Łódź', 'Ελλάδα', 'Київ', '東京', 'مرحبا', 'שלום'];

const ODDITIES = ['"quoted" and \'single\'', 'back\\slash \\n \\u00e9', '5 < 6 && 7 > 3', '&amp; &lt;b&gt;', '🙂🚲👩‍👩‍👧‍👦🇪🇺',
    "e\u{301} is not é", '[acme_clock]', '[not_a_shortcode x="1"]', '100 % of $5.00', '“typographic” – dash…',
    "a\u{00a0}space that does not break", "zero\u{200b}width"];

function pick(array $from)
{
    return $from[mt_rand(0, count($from) - 1)];
}

function words(int $count): string
{
    $words = [];
    for ($i = 0; $i < $count; $i++) {
        $words[] = WORDS[mt_rand(0, 40)];
    }
    return implode(' ', $words);
}

function title(int $number): string
{
    $title = ucfirst(words(mt_rand(2, 6))) . " $number";
    return $number % 17 === 0 ? "$title " . pick(ODDITIES) : $title;
}

function paragraph(): string
{
    $text = ucfirst(words(mt_rand(20, 80))) . '.';
    if (mt_rand(1, 4) === 1) {
        $text .= ' ' . pick(ODDITIES);
    }
    return "<!-- wp:paragraph -->\n<p>$text</p>\n<!-- /wp:paragraph -->";
}

/** The content of one post: most are short, every 50th is long, every 500th is about a megabyte. */
function content(int $number): string
{
    if ($number % 500 === 0) {
        $block = implode("\n\n", array_map(fn () => paragraph(), range(1, 20)));
        return implode("\n\n", array_fill(0, (int) ceil(1_000_000 / strlen($block)), $block));
    }
    $paragraphs = $number % 50 === 0 ? 120 : mt_rand(1, 6);
    $blocks = array_map(fn () => paragraph(), range(1, $paragraphs));
    if ($number % 10 === 0) {
        $blocks[] = "<!-- wp:shortcode -->\n[acme_form]\n<!-- /wp:shortcode -->";
    }
    return implode("\n\n", $blocks);
}
