<?php
// Media made on the fly, with real thumbnails, put where an upload puts them.

/** The bytes of one picture. Sizes vary; a few are above 2560 pixels, where WordPress keeps the original beside a scaled one. */
function picture(int $number, string $format): string
{
    $width = $number % 40 === 1 ? 2800 : [240, 480, 800, 1100, 1300][$number % 5];
    $height = (int) ($width * [0.5, 0.66, 0.75, 1.0][$number % 4]);
    $image = imagecreatetruecolor($width, $height);
    for ($i = 0; $i < 24; $i++) {
        $colour = imagecolorallocate($image, mt_rand(0, 255), mt_rand(0, 255), mt_rand(0, 255));
        $x = mt_rand(0, $width);
        $y = mt_rand(0, $height);
        $i % 2 === 0
            ? imagefilledrectangle($image, $x, $y, $x + (int) ($width / 3), $y + (int) ($height / 3), $colour)
            : imagefilledellipse($image, $x, $y, (int) ($width / 3), (int) ($height / 3), $colour);
    }
    imagestring($image, 5, 10, 10, "Acme $number", imagecolorallocate($image, 255, 255, 255));
    ob_start();
    match ($format) {
        'jpg' => imagejpeg($image, null, 82),
        'png' => imagepng($image, null, 3),
        'gif' => imagegif($image),
        'webp' => imagewebp($image, null, 80),
    };
    return ob_get_clean();
}

/** A whole, if empty, PDF of one page. */
function pdf(int $number): string
{
    $objects = ['<</Type/Catalog/Pages 2 0 R>>', '<</Type/Pages/Kids[3 0 R]/Count 1>>',
        '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>', "<</Title(Acme $number)>>"];
    $pdf = "%PDF-1.4\n";
    $offsets = [];
    foreach ($objects as $i => $object) {
        $offsets[] = strlen($pdf);
        $pdf .= ($i + 1) . " 0 obj$object endobj\n";
    }
    $table = strlen($pdf);
    $pdf .= "xref\n0 5\n0000000000 65535 f \n";
    foreach ($offsets as $offset) {
        $pdf .= sprintf("%010d 00000 n \n", $offset);
    }
    return $pdf . "trailer<</Size 5/Root 1 0 R/Info 4 0 R>>\nstartxref\n$table\n%%EOF\n";
}

/** One second of silence. */
function wav(): string
{
    $data = str_repeat("\x80", 8000);
    return 'RIFF' . pack('V', 36 + strlen($data)) . 'WAVEfmt ' . pack('VvvVVvv', 16, 1, 1, 8000, 8000, 1, 8)
        . 'data' . pack('V', strlen($data)) . $data;
}

/** Uploads one file and answers its id. The formats go round; some names are ones that servers trip over. */
function upload(int $number, array $fields = []): int
{
    $format = ['jpg', 'jpg', 'png', 'jpg', 'webp', 'jpg', 'gif', 'pdf', 'jpg', 'txt', 'jpg', 'csv', 'wav'][$number % 13];
    $name = $number % 19 === 0 ? "Ελλάδα 東京 ($number).$format" : "acme-$number.$format";
    $bytes = match ($format) {
        'pdf' => pdf($number),
        'txt' => str_repeat(words(40) . "\n", mt_rand(1, 400)),
        'csv' => "id,name\n" . implode("\n", array_map(fn ($i) => "$i," . words(2), range(1, 200))) . "\n",
        'wav' => wav(),
        default => picture($number, $format),
    };
    $stored = wp_upload_bits($name, null, $bytes, $fields['month'] ?? null);
    if ($stored['error']) {
        fwrite(STDERR, "upload of $name: {$stored['error']}\n");
        exit(1);
    }
    unset($fields['month']);
    $id = sure(wp_insert_attachment($fields + [
        'post_title' => "File $number " . words(2),
        'post_content' => words(8),
        'post_excerpt' => $number % 3 === 0 ? 'Caption with "quotes" and 🙂' : '',
        'post_mime_type' => $stored['type'],
        'guid' => $stored['url'],
    ], $stored['file'], $fields['post_parent'] ?? 0, true), "attachment $name");
    wp_update_attachment_metadata($id, wp_generate_attachment_metadata($id, $stored['file']));
    update_post_meta($id, '_wp_attachment_image_alt', words(4));
    return $id;
}
