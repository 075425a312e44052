ALTER TABLE `plugins` ADD `rollback_after` integer;--> statement-breakpoint
ALTER TABLE `plugins` ADD `pinned` text;