CREATE TABLE `clients` (
	`id` text PRIMARY KEY NOT NULL,
	`hostname` text NOT NULL,
	`connected` integer NOT NULL,
	`deviceType` text NOT NULL,
	`tags` text NOT NULL,
	`location` text,
	`lastSeen` text
);
--> statement-breakpoint
CREATE TABLE `commands` (
	`number` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`client` text NOT NULL,
	`name` text,
	`argv` text NOT NULL,
	`askedBy` text NOT NULL,
	`status` text NOT NULL,
	`exitCode` integer,
	`error` text,
	`stdout` text NOT NULL,
	`stderr` text NOT NULL,
	`askedAt` text NOT NULL,
	`finishedAt` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `commands_id_unique` ON `commands` (`id`);
