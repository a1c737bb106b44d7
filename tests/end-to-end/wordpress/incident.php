<?php
// One incident, named by INCIDENT, made by WordPress's own functions. Prints what it harmed.
//
//   prepare    pages with pictures, comments and answers, so that there is something to lose
//   deleted    those pages, their pictures and with them their comments
//   replaced   a search-and-replace over the text of 300 posts
//   edited     what people do afterwards: 20 of those posts in another field, 5 in the same one
//   imported   authors and dates of 120 posts overwritten
//   designed   styles, menus, widgets, a template and settings changed

require __DIR__ . '/boot.php';
require __DIR__ . '/text.php';

/** Ids of published posts of a type, the oldest first. */
function some(string $type, int $count, int $offset = 0): array
{
    $ids = get_posts(['post_type' => $type, 'post_status' => $type === 'attachment' ? 'inherit' : 'publish', 'numberposts' => $count,
        'offset' => $offset, 'orderby' => 'ID', 'order' => 'ASC', 'fields' => 'ids', 'suppress_filters' => true]);
    if (count($ids) < min($count, 5)) {
        fwrite(STDERR, "the site has too few of $type\n");
        exit(1);
    }
    return array_map('intval', $ids);
}

function pictures(): array
{
    return array_slice(array_values(array_filter(some('attachment', 40), 'wp_attachment_is_image')), 0, 6);
}

function change(int $id, array $fields): void
{
    sure(wp_update_post(wp_slash(['ID' => $id] + $fields), true), "changing $id");
}

$harmed = [];
switch (getenv('INCIDENT')) {
    case 'prepare':
        foreach (some('page', 6) as $i => $page) {
            $picture = pictures()[$i];
            $address = wp_get_attachment_url($picture);
            change($page, ['comment_status' => 'open', 'post_content' => get_post($page)->post_content
                . "\n\n<!-- wp:image {\"id\":$picture,\"sizeSlug\":\"full\"} -->\n<figure class=\"wp-block-image\"><img src=\"$address\" class=\"wp-image-$picture\"/></figure>\n<!-- /wp:image -->"]);
            set_post_thumbnail($page, $picture);
            wp_update_post(['ID' => $picture, 'post_parent' => $page]);
            $last = 0;
            foreach (['1', '1', '0', 'spam'] as $n => $status) {
                $date = wp_date('Y-m-d H:i:s', time() - 86400 * ($n + 1));
                $last = sure(wp_insert_comment(wp_slash(['comment_post_ID' => $page, 'comment_parent' => $n === 1 ? $last : 0,
                    'comment_approved' => $status, 'comment_author' => "Reader $n", 'comment_author_email' => "reader$n@example.org",
                    'comment_author_IP' => "192.0.2.$n", 'comment_agent' => 'Mozilla/5.0 (Reader)', 'user_id' => $n === 1 ? 2 : 0,
                    'comment_content' => "Page $page, word $n of " . uniqid() . ': “naïve” & <b>bold</b>', 'comment_date' => $date,
                    'comment_date_gmt' => get_gmt_from_date($date), 'comment_type' => 'comment'])), 'a comment');
            }
        }
        break;
    case 'deleted':
        $pictures = pictures();
        foreach (some('page', 6) as $page) {
            sure(wp_delete_post($page, true), "deleting page $page");
            $harmed['pages'][] = $page;
        }
        foreach ($pictures as $picture) {
            sure(wp_delete_attachment($picture, true), "deleting file $picture");
            $harmed['media'][] = $picture;
        }
        break;
    case 'replaced':
        foreach (some('post', 300) as $id) {
            $post = get_post($id);
            change($id, ['post_content' => str_replace(['the', 'a'], ['teh', 'á'], $post->post_content) . "\nSPOILED"]);
            $harmed['posts'][] = $id;
        }
        break;
    case 'edited':
        foreach (some('post', 20) as $id) {
            change($id, ['post_excerpt' => 'By hand: an excerpt']);
            $harmed['other'][] = $id;
        }
        foreach (some('post', 5, 30) as $id) {
            change($id, ['post_content' => '<p>Written anew by hand</p>']);
            $harmed['same'][] = $id;
        }
        break;
    case 'imported':
        foreach (some('post', 120) as $id) {
            change($id, ['post_author' => 1, 'post_date' => '2026-01-02 03:04:05', 'post_date_gmt' => '2026-01-02 02:04:05', 'edit_date' => true]);
            $harmed['posts'][] = $id;
        }
        break;
    case 'designed':
        $styles = WP_Theme_JSON_Resolver::get_user_global_styles_post_id();
        change($styles, ['post_content' => wp_json_encode(['version' => 2, 'isGlobalStylesUserThemeJSON' => true,
            'settings' => new stdClass(), 'styles' => ['color' => ['background' => '#000000', 'text' => '#ff00ff']]])]);
        $menus = wp_get_nav_menus();
        $main = sure(wp_get_nav_menu_object('main-menu'), 'the main menu');
        $footer = sure(wp_get_nav_menu_object('footer'), 'the footer menu');
        foreach (wp_get_nav_menu_items($main->term_id) as $i => $item) {
            if ($i === 1) {
                sure(wp_delete_post($item->ID, true), 'a menu item');
            }
        }
        sure(wp_delete_nav_menu($footer), 'deleting the footer menu');
        set_theme_mod('nav_menu_locations', ['acme_footer' => $main->term_id]);
        foreach (['blogname' => 'Hacked', 'blogdescription' => '', 'posts_per_page' => 3, 'show_on_front' => 'posts', 'page_on_front' => 0,
            'start_of_week' => 0, 'acme_notes_greeting' => 'Boo'] as $option => $value) {
            update_option($option, $value);
        }
        wp_set_sidebars_widgets(['acme-sidebar' => ['block-3', 'text-1'], 'wp_inactive_widgets' => ['block-2']]);
        $templates = get_posts(['post_type' => 'wp_template', 'name' => 'single', 'post_status' => 'any']);
        change(sure($templates[0] ?? null, 'the template')->ID, ['post_content' => '<!-- wp:post-title /-->']);
        $harmed = ['menus' => [$main->term_id, $footer->term_id], 'styles' => [$styles]];
        break;
    default:
        fwrite(STDERR, "INCIDENT is not one that is known\n");
        exit(1);
}
print_json($harmed);
