<?php
// What happens on a site between two backups, in a known way, and a report of it:
//
//   {"started": UTC, "finished": UTC, "changed": {"posts": [ids]}, "added": {...}, "removed": {...},
//    "followed": {...}, "silent": {...}}
//
// `changed`, `added`, `removed` are what a person did. `followed` is what WordPress then did by itself (comments that
// went with their post, counters of terms). `silent` is what leaves no newer modified date behind; it stays
// empty unless EDIT_SILENT=1, and only a full sweep can find it.

require __DIR__ . '/boot.php';
require __DIR__ . '/text.php';
require __DIR__ . '/files.php';

mt_srand(size('SEED', 1) + time());
global $wpdb;
$started = gmdate('Y-m-d\TH:i:s\Z');
$changed = $added = $removed = $followed = $silent = [];

/** Ids of published posts that are neither sticky nor in `$taken`. */
function published(int $count, array $taken, string $order = 'ID'): array
{
    global $wpdb;
    $without = array_merge($taken, get_option('sticky_posts', []), [0]);
    $ids = $wpdb->get_col("SELECT ID FROM $wpdb->posts WHERE post_type = 'post' AND post_status = 'publish'
        AND ID NOT IN (" . implode(',', array_map('intval', $without)) . ") ORDER BY $order LIMIT $count");
    if (count($ids) < $count) {
        fwrite(STDERR, "the site has too few published posts for these edits\n");
        exit(1);
    }
    return array_map('intval', $ids);
}

function comments_of(array $posts): array
{
    global $wpdb;
    return array_map('intval', $wpdb->get_col("SELECT comment_ID FROM $wpdb->comments WHERE comment_post_ID IN ("
        . implode(',', $posts) . ') ORDER BY comment_ID'));
}

/** Counters of every term, to see afterwards which ones moved. */
function term_counts(): array
{
    global $wpdb;
    return array_column($wpdb->get_results("SELECT taxonomy, term_id, count FROM $wpdb->term_taxonomy"), null, 'term_id');
}

$counts = term_counts();
// The comment to edit, and its post, which none of the other edits may touch.
$discussed = $wpdb->get_row("SELECT comment_ID, comment_post_ID FROM $wpdb->comments JOIN $wpdb->posts ON ID = comment_post_ID
    WHERE comment_approved = '1' AND comment_type = 'comment' AND post_status = 'publish' ORDER BY comment_count, comment_ID LIMIT 1");
$comment = (int) sure($discussed, 'a comment to edit')->comment_ID;
$spared = [(int) $discussed->comment_post_ID];
// Much-discussed posts go, so that comments go with them.
$gone = published(7, $spared, 'comment_count DESC, ID');
[$delete, $trash] = [array_slice($gone, 0, 5), array_slice($gone, 5)];
$edit = published(7, array_merge($gone, $spared));
$taken = array_merge($gone, $edit, $spared);

foreach ($edit as $i => $id) {
    $change = [['post_title' => "Edited “title” $id"], ['post_content' => get_post($id)->post_content . "\n\n" . paragraph()],
        ['post_status' => 'draft'], ['post_excerpt' => 'An edited excerpt 🙂'], ['post_name' => "edited-$id"],
        ['comment_status' => 'closed'], ['post_title' => "Edited too $id", 'meta_input' => ['acme_source' => 'edited']]][$i];
    sure(wp_update_post(wp_slash(['ID' => $id] + $change), true), "editing post $id");
}
$changed['posts'] = $edit;

$followed['comments_removed'] = comments_of($delete);
foreach ($delete as $id) {
    sure(wp_delete_post($id, true), "deleting post $id");
}
$removed['posts'] = $delete;

$followed['comments_changed'] = comments_of($trash);
foreach ($trash as $id) {
    sure(wp_trash_post($id), "trashing post $id");
}
$changed['posts_trashed'] = $trash;

foreach ([1, 2, 3] as $i) {
    $added['posts'][] = sure(wp_insert_post(wp_slash(['post_title' => "Added $i " . title($i), 'post_content' => content($i),
        'post_status' => ['publish', 'draft', 'private'][$i - 1]]), true), "adding post $i");
}

// Two files that no post shows go, bytes and thumbnails too; two new ones come.
$unshown = array_map('intval', $wpdb->get_col("SELECT ID FROM $wpdb->posts WHERE post_type = 'attachment' AND ID NOT IN
    (SELECT CAST(meta_value AS UNSIGNED) FROM $wpdb->postmeta WHERE meta_key = '_thumbnail_id')
    AND ID <> " . (int) get_theme_mod('custom_logo') . ' ORDER BY ID DESC LIMIT 2'));
foreach ($unshown as $id) {
    sure(wp_delete_attachment($id, true), "deleting file $id");
}
$removed['media'] = $unshown;
$number = 100000 + (int) $wpdb->get_var("SELECT MAX(ID) FROM $wpdb->posts") * 13;
$added['media'] = [upload($number), upload($number + 7)];

sure(wp_update_comment(wp_slash(['comment_ID' => $comment, 'comment_content' => "Edited: 'a' \\ “b” " . microtime(true)])), 'editing a comment');
$changed['comments'] = [$comment];

update_option('blogdescription', 'Tools since 1927, edited ' . gmdate('H:i:s'));
$changed['settings'] = ['description'];

$item = (int) $wpdb->get_var("SELECT ID FROM $wpdb->posts WHERE post_type = 'nav_menu_item' AND post_title = 'Elsewhere' ORDER BY ID LIMIT 1")
    ?: (int) $wpdb->get_var("SELECT ID FROM $wpdb->posts WHERE post_type = 'nav_menu_item' AND post_title LIKE 'Elsewhere%' ORDER BY ID LIMIT 1");
sure(wp_update_post(['ID' => sure($item, 'the menu item'), 'post_title' => 'Elsewhere, edited ' . gmdate('H:i:s')], true), 'editing a menu item');
$changed['menu-items'] = [$item];

$category = (int) $wpdb->get_var("SELECT MIN(term_id) FROM $wpdb->term_taxonomy WHERE taxonomy = 'category' AND term_id > 1");
sure(wp_update_term($category, 'category', ['name' => 'Renamed “category” ' . gmdate('H:i:s')]), 'renaming a category');
$changed['categories'] = [$category];

// What a renamed category moves elsewhere: a post lists its categories in the order of their names, a menu item
// without a title of its own bears the category's name.
$followed['posts_reordered'] = array_map('intval', $wpdb->get_col("SELECT object_id FROM $wpdb->term_relationships
    JOIN $wpdb->term_taxonomy USING (term_taxonomy_id) WHERE taxonomy = 'category' AND object_id IN (SELECT object_id
    FROM $wpdb->term_relationships JOIN $wpdb->term_taxonomy USING (term_taxonomy_id) WHERE term_id = $category)
    GROUP BY object_id HAVING COUNT(*) > 1 ORDER BY object_id"));
$followed['menu-items'] = array_map('intval', $wpdb->get_col("SELECT one.post_id FROM $wpdb->postmeta one JOIN $wpdb->postmeta other
    USING (post_id) WHERE one.meta_key = '_menu_item_object_id' AND one.meta_value = $category
    AND other.meta_key = '_menu_item_object' AND other.meta_value = 'category' ORDER BY one.post_id"));
// The address of a comment is its post's, and that of a post whose status or slug was edited is a new one.
$followed['comments_moved'] = comments_of($edit);

if (size('EDIT_SILENT', 0)) {
    [$meta, $terms] = published(2, $taken);
    update_post_meta($meta, 'acme_source', 'changed without an edit ' . gmdate('H:i:s'));
    $silent['posts_meta'] = [$meta];
    wp_set_object_terms($terms, ["silent " . gmdate('H:i:s')], 'post_tag', true);
    $silent['posts_terms'] = [$terms];
    // What an importer does: the post is new, its dates are old.
    $silent['posts_added_backdated'] = [sure(wp_insert_post(['post_title' => 'Backdated', 'post_content' => content(3), 'post_status' => 'publish',
        'post_date' => '2020-02-29 12:00:00'], true), 'adding a backdated post')];
    $shown = $wpdb->get_row("SELECT meta_value, GROUP_CONCAT(post_id ORDER BY post_id) AS posts FROM $wpdb->postmeta
        WHERE meta_key = '_thumbnail_id' GROUP BY meta_value ORDER BY CAST(meta_value AS UNSIGNED) DESC LIMIT 1");
    if ($shown) {
        sure(wp_delete_attachment((int) $shown->meta_value, true), 'deleting a featured picture');
        $removed['media'][] = (int) $shown->meta_value;
        $silent['posts_lost_picture'] = array_map('intval', explode(',', $shown->posts));
    }
}

foreach (term_counts() as $id => $term) {
    if (isset($counts[$id]) && $counts[$id]->count !== $term->count) {
        $followed['counts_of_' . $term->taxonomy][] = (int) $id;
    }
}
print_json(['started' => $started, 'finished' => gmdate('Y-m-d\TH:i:s\Z'), 'changed' => $changed, 'added' => $added,
    'removed' => $removed, 'followed' => $followed, 'silent' => (object) $silent]);
